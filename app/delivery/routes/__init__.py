"""Routes: which there are, which may be used, and how fast."""
