"""The commands of the device: each a thin layer over the library."""
