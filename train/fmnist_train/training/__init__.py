"""A training from its data to its results, with checkpoints."""
