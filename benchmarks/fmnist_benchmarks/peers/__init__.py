"""The usual ways to run the same model from Python, side by side."""
