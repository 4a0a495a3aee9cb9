"""What fmnist-benchmark needs on a device: rounds in worker processes, statistics, the machine's state, energy."""
