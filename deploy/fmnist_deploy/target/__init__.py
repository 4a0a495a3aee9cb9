"""What runs on the board, from inside a bundle: the standard library and Python 3.10 or later, no pip."""
