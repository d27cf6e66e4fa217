"""One file a step: what it does is decided beforehand, shown as statements, and then applied."""
