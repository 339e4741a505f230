"""Domains: how the domain of a sender is set up, and what to change."""
