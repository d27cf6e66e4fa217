"""Folds as the page shows them: what the database's own books say, and over it what runs tell while they go on."""
