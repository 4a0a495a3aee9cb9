"""fmnist_deploy: on the workstation, prove the models on the boards' own software, and carry them to a board."""
