"""Rows on the way there: captured, mapped, staged, caught up with, proven and written into the target."""
