"""Ways to quantize to int8, and the cost of a proof."""
