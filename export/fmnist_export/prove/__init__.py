"""The last stages: the graph is checked, and the file is run on each target and compared with Keras."""
