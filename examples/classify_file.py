"""Classify one picture with the default model of the package.
Run: python examples/classify_file.py shirt.jpg
"""

import sys

from fmnist_runtime import Classifier, read_images


def main() -> None:
    """Print the three likeliest classes of each image in the file."""
    with Classifier() as classifier:
        for image in read_images(sys.argv[1]):
            for prediction in classifier.top(image.pixels, 3):
                print(f"{prediction.label:<12} {prediction.score:.1%}")


if __name__ == "__main__":
    main()
