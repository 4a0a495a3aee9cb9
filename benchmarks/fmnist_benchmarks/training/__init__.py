"""How long a training takes, and what decides its accuracy."""
