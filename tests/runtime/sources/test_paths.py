import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from fmnist_runtime.errors import ImageError
from fmnist_runtime.sources.paths import files_of, images_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pixels = np.zeros((28, 28), np.uint8)
    for name in ("b.png", "a.jpg", "below/c.gif", ".hidden.png", ".cache/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Pillow.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "photo without ending").write_bytes((tmp_path / "b.png").read_bytes())
    np.save(tmp_path / "x.npy", pixels)
    (tmp_path / "images.gz").write_bytes(gzip.compress(b"\0\0\x08\3" + bytes(12)))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(b"\0\0\x08\1" + bytes(4)))
    (tmp_path / "damaged.gz").write_bytes(b"\x1f\x8bxx")
    (tmp_path / "cut.png").write_bytes((tmp_path / "b.png").read_bytes()[:30])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty").write_text("")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "below" / "up").symlink_to(tmp_path)
    return tmp_path


def test_a_folder_gives_its_images_and_those_below_in_order(folder: Path) -> None:
    images, skipped = images_in(folder)
    names = [str(path.relative_to(folder)) for path in images]
    assert names == ["a.jpg", "b.png", "below/c.gif", "cut.png", "images.gz", "photo without ending", "x.npy"]
    assert skipped == f"{folder}: 5 of 12 files skipped, not images: damaged.gz, empty, fifo and 2 more"


def test_a_folder_without_an_image_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no file in it, expected PNG"):
        images_in(tmp_path)
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ImageError, match="1 files, none of them an image"):
        images_in(tmp_path)


def test_a_pattern_gives_the_matching_files_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert files_of("*.png") == [Path("b.png"), Path("cut.png"), Path("text.png")]
    assert files_of(f"{folder}/[ab].???") == [folder / "a.jpg", folder / "b.png"]
    assert files_of("gone.png") == [Path("gone.png")]
    with pytest.raises(ImageError, match=r"\*\.bmp: no file matches this pattern"):
        files_of("*.bmp")


def test_an_existing_name_is_not_a_pattern(tmp_path: Path) -> None:
    for name in ("[1].png", "1.png"):
        (tmp_path / name).write_text("x")
    assert files_of(str(tmp_path / "[1].png")) == [tmp_path / "[1].png"]
