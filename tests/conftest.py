"""What holds for all tests."""

import os

# Tests ask no DNS but the one that they bring along.
os.environ.setdefault("FANFARE_MX_LOOKUP", "off")
