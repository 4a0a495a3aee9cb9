"""From a photograph to the kind of picture that a model was trained on. Reads no files."""
