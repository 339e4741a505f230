"""What holds for all tests."""

import os

import hypothesis

# Tests ask no DNS but the one that they bring along.
os.environ.setdefault("FANFARE_MX_LOOKUP", "off")

# An example that takes long on a machine with much to do is no mistake.
hypothesis.settings.register_profile("fanfare", deadline=None)
hypothesis.settings.load_profile("fanfare")
