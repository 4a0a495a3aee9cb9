"""What the tests share: the real data set, the real commands, one trained and exported model a session."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import BASE_BIN, ROOT, run_command

from fmnist_runtime.data import fashion_mnist, fashion_mnist_files
from fmnist_runtime.data.dataset import Dataset, Split


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the four IDX files."""
    return fashion_mnist.load().source


@pytest.fixture(scope="session")
def test_split(data_folder: Path) -> Split:
    """The 10,000 test images with their labels."""
    return fashion_mnist_files.read_test_split(data_folder)


@pytest.fixture(scope="session")
def few_images(data_folder: Path) -> Dataset:
    """The first 600 training and 300 test images of the data set: a training of a second."""
    whole = fashion_mnist.load(data_folder)
    train, test = (
        Split(split.images[:count], split.labels[:count]) for split, count in ((whole.train, 600), (whole.test, 300))
    )
    return replace(whole, train=train, test=test)


@pytest.fixture(scope="session")
def test_images_file(data_folder: Path) -> Path:
    return fashion_mnist_files.find_file(data_folder, "t10k-images-idx3-ubyte")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the real fmnist-train has trained the tutorial's model."""
    folder = tmp_path_factory.mktemp("trained")
    result = run_command("fmnist-train", "-o", folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="session")
def exported(trained: Path) -> Path:
    """The same folder after the real fmnist-export --quantize."""
    result = run_command("fmnist-export", trained / "model.keras", "--quantize")
    assert result.returncode == 0, result.stderr
    return trained


@pytest.fixture(scope="session")
def plain_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of .tflite files that TensorFlow alone wrote, with Keras's answers (tests/support/plain_models.py)."""
    folder = tmp_path_factory.mktemp("plain")
    program = ROOT / "tests" / "support" / "plain_models.py"
    result = subprocess.run([sys.executable, program, folder], capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    return folder


@pytest.fixture(scope="session")
def base_bin() -> Path:
    """The commands of an environment with the base install alone, made from the built wheel by `make test`."""
    if not (BASE_BIN / "fmnist-classify").exists():
        pytest.fail("no .venv-base: run the tests with `make test`, or make base-environment first")
    return BASE_BIN


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Path:
    """A folder in which nothing can be written, for root neither."""
    if os.geteuid() == 0:
        return Path("/proc")
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    return folder
