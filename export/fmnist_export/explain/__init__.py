"""--explain: which layers of an int8 file lose agreement with Keras."""
