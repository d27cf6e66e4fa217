"""A small application to watch: Postgres, Redis, WebSockets, two model providers, and a bad spell now and then."""
