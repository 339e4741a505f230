"""Campaigns: what commands and time make of them, and of all else that their owner holds."""
