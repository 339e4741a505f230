"""People: when and how often somebody may be written to, and from which number."""
