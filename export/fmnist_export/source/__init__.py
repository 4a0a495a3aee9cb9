"""The first stages: the Keras model is loaded and examined, and answers the test images."""
