"""What training and export share of Keras: its settings, inference, and copies of models. Needs the extra [train]."""
