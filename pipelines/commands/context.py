"""What a command works in: its database, the clock, ids, and the terminal."""

from pipelines.steps.opening import surroundings_of

__all__ = ["surroundings_of"]
