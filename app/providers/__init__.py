"""One file a provider: what is sent to it, what its answers and reports mean. Pure: no I/O, no clock, no dice."""
