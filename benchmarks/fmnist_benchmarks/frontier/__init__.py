"""Accuracy against size and latency, of our own models and of published ones."""
