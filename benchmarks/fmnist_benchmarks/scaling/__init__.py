"""How latency grows with the model, and what limits it."""
