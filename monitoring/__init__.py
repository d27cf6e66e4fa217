"""What an application imports to be seen: it records events and sends them to the daemon."""
