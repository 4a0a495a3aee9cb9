"""How models do on photographs."""
