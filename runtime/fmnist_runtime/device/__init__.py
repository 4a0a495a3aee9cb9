"""This machine: which board it is, whether inference works, whether a model gives its recorded answers."""
