"""What models get wrong, and how much their scores are worth."""
