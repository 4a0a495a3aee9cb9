"""What models get wrong, and how sure they are of it."""
