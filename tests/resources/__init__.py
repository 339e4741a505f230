"""Contacts, lists, segments, imports, templates and suppressions, over REST and from the terminal."""
