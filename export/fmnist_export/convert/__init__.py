"""The second stage: a Keras model to a TFLite flatbuffer."""
