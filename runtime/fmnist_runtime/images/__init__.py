"""Images in memory: the kind of a file, its pixels, their depth, range and drawing. It finds no garment."""
