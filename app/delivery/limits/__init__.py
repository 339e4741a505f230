"""Limits: what bounds messages on their way, and how long campaigns take through that."""
