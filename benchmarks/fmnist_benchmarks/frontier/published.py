"""Published results on Fashion-MNIST with a number of parameters, to compare our own models with.

The rows are those of the table "Benchmark" in the README of the data set (SOURCE) that state the number of parameters
or the layers of the classifier. Its authors say that they have not tested these results. Bytes are unknown; four for
each parameter is the size of its float32 weights, without structure and without compression.
"""

from dataclasses import dataclass

SOURCE = (
    "https://github.com/zalandoresearch/fashion-mnist/blob/789103ddf3ef47449683debad30061320a3acddf/README.md#benchmark"
)
BYTES_FOR_EACH = 4


@dataclass(frozen=True)
class PublishedResult:
    """A row of the table: its words for the classifier, who submitted it, its code; `stated` is its size in words."""

    name: str
    short: str
    parameters: int
    stated: str
    accuracy: float
    by: str
    code: str

    @property
    def bytes(self) -> int:
        """The size of its weights as float32."""
        return self.parameters * BYTES_FOR_EACH


# The MLP's parameters follow from its layers: 784 x 256 + 256, 256 x 128 + 128, 128 x 100 + 100 and 100 x 10 + 10.
PUBLISHED_RESULTS = (
    PublishedResult(
        "2 Conv <100K parameters",
        "2 Conv, <100K",
        100_000,
        "below 100 K",
        0.925,
        "@hardmaru",
        "https://github.com/hardmaru/pytorch_notebooks/blob/master/pytorch_tiny_custom_mnist_adam.ipynb",
    ),
    PublishedResult(
        "2 Conv ~113K parameters",
        "2 Conv, 113K",
        113_000,
        "some 113 K",
        0.922,
        "Abel G.",
        "https://github.com/abelusha/MNIST-Fashion-CNN/blob/master/Fashon_MNIST_CNN_using_Keras_10_Runs.ipynb",
    ),
    PublishedResult(
        "MLP 256-128-100",
        "MLP 256-128-100",
        247_766,
        "247,766, from its layers",
        0.8833,
        "@heitorrapela",
        "https://github.com/heitorrapela/fashion-mnist-mlp",
    ),
    PublishedResult(
        "2 Conv+3 FC ~500K parameters",
        "2 Conv + 3 FC, 500K",
        500_000,
        "some 500 K",
        0.934,
        "@cmasch",
        "https://github.com/cmasch/zalando-fashion-mnist",
    ),
    PublishedResult(
        "DenseNet-BC 768K params",
        "DenseNet-BC, 768K",
        768_000,
        "768 K",
        0.954,
        "@ajbrock",
        "https://github.com/bamos/densenet.pytorch",
    ),
    PublishedResult(
        "2 Conv+3 FC ~1.8M parameters",
        "2 Conv + 3 FC, 1.8M",
        1_800_000,
        "some 1.8 M",
        0.932,
        "@Xfan1025",
        "https://github.com/Xfan1025/Fashion-MNIST/blob/master/fashion-mnist.ipynb",
    ),
    PublishedResult(
        "Capsule Network 8M parameters",
        "Capsule network, 8M",
        8_000_000,
        "8 M",
        0.936,
        "@XifengGuo",
        "https://github.com/XifengGuo/CapsNet-Fashion-MNIST",
    ),
    PublishedResult(
        "WRN40-4 8.9M params",
        "Wide ResNet 40-4, 8.9M",
        8_900_000,
        "8.9 M",
        0.967,
        "@ajbrock",
        "https://github.com/xternalz/WideResNet-pytorch",
    ),
    PublishedResult(
        "VGG16 26M parameters",
        "VGG16, 26M",
        26_000_000,
        "26 M",
        0.935,
        "@QuantumLiu",
        "https://github.com/QuantumLiu/fashion-mnist-demo-by-Keras",
    ),
)
