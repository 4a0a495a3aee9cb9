"""Files as the kernel shows them in /proc and /sys, below another root."""

from pathlib import Path


def write_files(root: Path, files: dict[str, str]) -> Path:
    """Write `files`, texts by path, below `root`; return `root`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
