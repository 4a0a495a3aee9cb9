"""The model file: flatbuffer, labels and description; the golden file beside it; the models in the package."""
