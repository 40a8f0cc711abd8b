"""PRODUCT: channels, topics, presence and history behind the router seam; no I/O."""
