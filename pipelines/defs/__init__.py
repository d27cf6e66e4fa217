"""The consolidations of this project: one folder each, named for it, with its defs.yaml."""
