"""Data sets: images with their labels, read from a folder of IDX files and checked."""
