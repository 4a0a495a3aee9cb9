"""The conversion of a Keras model to a TFLite flatbuffer, in each precision."""
