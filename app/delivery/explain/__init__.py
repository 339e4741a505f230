"""Explain: the story of one message, in sentences made of what is stored."""
