"""The TFLite flatbuffer: its tables, its graph, its operators, and what they tell about the model. Runs no model."""
