"""The Keras model prepared for conversion: a fixed batch, and weights that lose least when they are rounded."""
