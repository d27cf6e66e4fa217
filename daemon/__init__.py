"""The service that keeps what monitoring sees, streams it, and says how everything is."""
