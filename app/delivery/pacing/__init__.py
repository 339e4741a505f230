"""Pacing: whose turn it is, and over which route, within every limit."""
