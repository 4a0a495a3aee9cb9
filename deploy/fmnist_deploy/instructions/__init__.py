"""Instructions per inference on ARM, counted under emulation, and the latency that this means on a board."""
