"""Where Fashion-MNIST is found, and which place comes first."""

import functools
import gzip
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fmnist_runtime.data import fashion_mnist
from fmnist_runtime.data.fashion_mnist_files import DIGESTS, find_file
from fmnist_runtime.errors import DataError


def test_the_data_set_has_60000_training_and_10000_test_images(data_folder: Path) -> None:
    loaded = fashion_mnist.load()
    assert loaded.train.images.shape == (60000, 28, 28)
    assert loaded.test.images.shape == (10000, 28, 28)
    assert loaded.train.images.dtype == loaded.train.labels.dtype == np.uint8


def test_a_named_folder_comes_first_and_a_damaged_one_is_named(data_folder: Path, tmp_path: Path) -> None:
    for name in DIGESTS:
        shutil.copy(find_file(data_folder, name), tmp_path)
    assert fashion_mnist.load(tmp_path).source == tmp_path
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte.gz: .*cut short"):
        fashion_mnist.load(tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither train-images-idx3-ubyte.gz nor"):
        fashion_mnist.load(tmp_path)


def test_keras_cache_comes_before_debians_package(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name in DIGESTS:
        shutil.copy(find_file(data_folder, name), folder)
    assert fashion_mnist.load().source == folder
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="t10k-labels"):
        fashion_mnist.load()


@pytest.fixture
def served(data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a server on this machine that stands for the data set's own; no other place has the data set."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    for name in DIGESTS:
        path = find_file(data_folder, name)
        content = path.read_bytes()
        (folder / f"{name}.gz").write_bytes(content if path.suffix == ".gz" else gzip.compress(content))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "not" / "there"))
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "nothing")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(fashion_mnist, "_ORIGIN", f"http://127.0.0.1:{server.server_port}/")
        yield folder
        server.shutdown()


def test_a_download_makes_keras_cache(served: Path) -> None:
    assert not fashion_mnist.keras_cache().exists()
    loaded = fashion_mnist.load()
    assert loaded.source == fashion_mnist.keras_cache()
    assert loaded.test.images.shape == (10000, 28, 28)
    shutil.rmtree(served)
    assert fashion_mnist.load().source == loaded.source, "the second time nothing is downloaded"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "HTTP Error 404"), (b"<html>", "Not a gzipped file"), (gzip.compress(b"x"), "has SHA-256 2d711642b726")],
)
def test_a_failed_download_keeps_nothing_and_the_next_one_succeeds(
    content: bytes | None, words: str, served: Path
) -> None:
    path = served / "t10k-labels-idx1-ubyte.gz"
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"its download failed .*{words}.*give its folder with --data"):
        fashion_mnist.load()
    assert list(fashion_mnist.keras_cache().iterdir()) == []
    path.write_bytes(whole)
    assert fashion_mnist.load().source == fashion_mnist.keras_cache()
