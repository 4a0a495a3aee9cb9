"""The first stage: the Keras model, loaded and understood, with its data set and its own answers."""
