"""The ten classes of Fashion-MNIST, in the order of their label numbers.

Source: the table "Labels" in the README of the data set, zalandoresearch/fashion-mnist.
"""

CLASS_NAMES: tuple[str, ...] = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
