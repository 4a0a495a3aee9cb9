"""How long training takes, and how much its accuracy varies."""
