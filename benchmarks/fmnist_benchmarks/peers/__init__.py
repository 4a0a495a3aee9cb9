"""The same model run in other ways."""
