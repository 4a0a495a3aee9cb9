"""What fmnist-benchmark prints, compares and draws."""
