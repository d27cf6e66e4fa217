"""The way back: what would go home and what stands in the way, then rows, children, keys and sequences as they were."""
