"""Pictures and arrays in memory: which kind a file is, its pixels, their depth and range."""
