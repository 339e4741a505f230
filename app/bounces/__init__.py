"""Mail that comes back: what it tells of whom, and what follows from it."""
