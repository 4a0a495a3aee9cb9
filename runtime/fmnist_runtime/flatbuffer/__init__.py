"""The TFLite flatbuffer: its tables, its graph, its operators, and what they tell of the model."""
