"""fmnist_train: the data set, the Keras models, their training and the figures. Needs the extra [train]."""
