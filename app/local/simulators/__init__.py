"""Simulators of providers: they check what real ones check, answer as those do, and report what became of messages.

They know nothing of app/providers: what both sides had wrong alike would be seen by nobody.
"""
