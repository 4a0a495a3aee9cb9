"""Classify every picture in a folder and write a CSV table; a file that is no picture is named on standard error.
Run: python examples/classify_folder.py photos/ >answers.csv
"""

import csv
import sys
from collections import Counter
from pathlib import Path

from fmnist_runtime import Classifier, FmnistError, read_images


def main() -> None:
    """Write file, class and score of each picture; at the end, on standard error, how many there are of each class."""
    table = csv.writer(sys.stdout)
    table.writerow(["file", "class", "score"])
    count: Counter[str] = Counter()
    with Classifier() as classifier:
        for path in sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file()):
            try:
                for image in read_images(path):
                    prediction = classifier.classify(image.pixels)
                    table.writerow([path, prediction.label, f"{prediction.score:.4f}"])
                    count[prediction.label] += 1
            except FmnistError as error:
                print(error, file=sys.stderr)
    for label, number in count.most_common():
        print(f"{number} {label}", file=sys.stderr)


if __name__ == "__main__":
    main()
