"""The check and the proof: targets accept the graph, and the file on each target is compared with Keras."""
