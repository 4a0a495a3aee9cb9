"""Results as recorded files and as tables in the docs."""
