"""Make the pictures of docs/pictures/ again, from what fmnist-train and fmnist-export wrote.

    make demo && .venv/bin/python scripts/pictures.py demo

FOLDER holds figures/*.png of fmnist-train and report.html of fmnist-export. The figures are stored with at most 64
colours, which makes them a third as large; nothing else changes. The report is a screenshot by chromium. path.svg is
written by hand.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
FIGURES = (
    "training-image",
    "training-samples",
    "curves",
    "prediction-0",
    "prediction-12",
    "predictions",
    "single-prediction",
    "confusion",
)
WINDOW = (900, 600)
MOST_BYTES = 300_000


def main() -> int:
    """Write the pictures of the folder that is named on the command line."""
    folder = Path(sys.argv[1])
    for name in FIGURES:
        store(folder / "figures" / f"{name}.png", PICTURES / f"{name}.png")
    with tempfile.TemporaryDirectory() as scratch:
        screenshot = Path(scratch, "report.png")
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        window = f"--window-size={WINDOW[0]},{WINDOW[1]}"
        address = (folder / "report.html").resolve().as_uri()
        subprocess.run([*command, window, f"--screenshot={screenshot}", address], check=True, capture_output=True)
        store(screenshot, PICTURES / "report.png")
    size = sum(path.stat().st_size for path in PICTURES.iterdir())
    print(f"{PICTURES}: {size:,} bytes, at most {MOST_BYTES:,}")
    return int(size > MOST_BYTES)


def store(source: Path, path: Path) -> None:
    """Write the picture `source` to `path` as PNG with 64 colours."""
    picture = Image.open(source).convert("RGB")
    picture.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main())
