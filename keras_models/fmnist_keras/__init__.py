"""What training and export both need of Keras: its settings, and faithful copies of models. Needs [train]."""
