"""Ways to int8, and what a proof costs."""
