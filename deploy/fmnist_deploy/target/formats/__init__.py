"""The two formats that the installer reads: a bundle, and the wheels in it."""
