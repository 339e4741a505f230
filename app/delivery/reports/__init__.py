"""Reports: what providers tell of messages after their attempts, and what it changes."""
