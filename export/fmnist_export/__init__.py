"""fmnist_export: Keras model -> .tflite (float32, int8) -> proof that it answers as Keras does. Needs [train]."""
