"""How latency grows with images, model size, threads and processes, and what limits it."""
