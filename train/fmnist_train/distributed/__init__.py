"""A training over several GPUs or machines."""
