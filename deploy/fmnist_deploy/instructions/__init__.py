"""Instructions per inference on ARM, counted under emulation, and what latency they would make on a board."""
