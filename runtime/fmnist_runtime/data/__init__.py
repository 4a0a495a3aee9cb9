"""Data sets: images with their labels, read from a folder and checked."""
