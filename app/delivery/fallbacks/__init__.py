"""Fallbacks: a message that goes on to the next channel when no good news of it comes."""
