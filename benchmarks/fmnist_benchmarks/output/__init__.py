"""What becomes of a measurement: text, progress, figures, tables, and the comparison with a baseline."""
