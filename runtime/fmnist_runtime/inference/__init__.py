"""The interpreters: which one runs here, pixels to inputs, outputs to scores. Knows no model file."""
