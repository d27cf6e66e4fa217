"""What monitoring costs and what the daemon bears; each module has `run()`, which returns its figures as lines."""
