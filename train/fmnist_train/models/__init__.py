"""The Keras models: networks, builders, recipes, and what is built around a model."""
