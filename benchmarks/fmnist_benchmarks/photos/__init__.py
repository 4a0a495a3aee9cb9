"""The accuracy of models on photo-like images."""
