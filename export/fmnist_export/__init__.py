"""fmnist_export: Keras model -> .tflite (float32, int8) -> proof that it gives the same answers. Needs [train]."""
