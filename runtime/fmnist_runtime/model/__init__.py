"""Model files: their format, their description, their interface, golden files, and the shipped models."""
