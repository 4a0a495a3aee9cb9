"""What fmnist-benchmark needs on a device: rounds, worker processes, intervals, the machine's state."""
