"""From a photograph to the picture that a model was trained on."""
