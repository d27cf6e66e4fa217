"""The live page: its files, as `importlib.resources` finds them."""
