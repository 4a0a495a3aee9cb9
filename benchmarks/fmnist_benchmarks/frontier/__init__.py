"""Accuracy against size and latency, for the shipped models and published ones."""
