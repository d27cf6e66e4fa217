"""What touches PostgreSQL in general: connections, the catalog, locks, our own tables, the embedded server."""
