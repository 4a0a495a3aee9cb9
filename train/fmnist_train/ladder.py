"""The models that fmnist-train knows, with what was measured of each: `fmnist-train --model list`.

    python -m fmnist_train.ladder FOLDER...      writes ladder.json from what fmnist-train and fmnist-export left there

No number in ladder.json is written by hand: parameters and seconds are those of training.json, the rest is what the
proof inside FOLDER's model-int8.tflite says of the test images.
"""

import json
import sys
from pathlib import Path
from typing import Any

from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.files import write_atomically
from fmnist_runtime.modelfile import read
from fmnist_train.settings import RECIPES

_FILE = Path(__file__).with_name("ladder.json")
# How the trainings of ladder.json ran.
_CONDITIONS = (
    "accuracy on the 10,000 test images; training as it ran, the networks on one core each of an x86-64 server\n"
    "beside other work; what they start from and learn from (docs/models.md) comes on top"
)
_HEAD = ("model", "parameters", "int8 bytes", "int8 accuracy", "Keras accuracy", "epochs", "training")


def table() -> str:
    """The models, one a line, with size, accuracy and time, as text."""
    measured: dict[str, dict[str, Any]] = json.loads(_FILE.read_text())
    rows = [_HEAD, *(_row(name, measured.get(name)) for name in RECIPES)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", _CONDITIONS])


def entry(folder: Path) -> tuple[str, dict[str, Any]]:
    """The name and the measured numbers of the model that was trained and exported in `folder`."""
    record = json.loads((folder / "training.json").read_text())
    path = folder / "model-int8.tflite"
    description = read(path).description
    if description is None:
        raise ModelFileError(f"{path}: without a description, expected a file of fmnist-export; export the model again")
    proof = description["proofs"][0]
    return record["settings"]["model"], {
        "parameters": record["parameters"],
        "epochs": record["settings"]["epochs"],
        "seconds": round(sum(record["seconds"])),
        "int8_bytes": path.stat().st_size,
        "int8_accuracy": proof["accuracy"],
        "keras_accuracy": proof["keras_accuracy"],
        "agreement": proof["agreement"],
    }


def _row(name: str, measured: dict[str, Any] | None) -> tuple[str, ...]:
    if measured is None:
        return (name, *["not measured"] * (len(_HEAD) - 1))
    return (
        name,
        f"{measured['parameters']:,}",
        f"{measured['int8_bytes']:,}",
        f"{measured['int8_accuracy']:.4f}",
        f"{measured['keras_accuracy']:.4f}",
        str(measured["epochs"]),
        f"{measured['seconds'] / 60:.1f} min",
    )


def main() -> int:
    """Write ladder.json from the folders named on the command line."""
    entries = dict(entry(Path(folder)) for folder in sys.argv[1:])
    write_atomically(_FILE, (json.dumps(entries, indent=1) + "\n").encode())
    print(table())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
