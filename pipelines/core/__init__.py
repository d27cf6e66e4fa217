"""The pure part: what is asked, what is there, what will be done. No connection, clock or file."""
