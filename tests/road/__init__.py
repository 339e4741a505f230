"""The whole road, from a command to the sink, through every real part."""
