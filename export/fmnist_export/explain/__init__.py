"""Where an int8 file loses what Keras answers."""
