"""Simulators of providers: what they check, what they answer, what they report back."""
