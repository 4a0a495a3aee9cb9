"""fmnist_benchmarks: latency, cold start and memory, measured as ratios in one run."""
