"""Probes: each looks at one thing the applications need, and says how it is in a sentence with a number."""
