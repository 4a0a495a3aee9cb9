"""What the tests share: the real data set, the real commands, one trained and exported model."""

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import BASE_BIN, ROOT, run_command
from once import digest_name, make_once
from signals import heed_interrupts

from fmnist_runtime.data import fashion_mnist, fashion_mnist_files
from fmnist_runtime.data.dataset import Dataset, Split

_CACHE = ROOT / "build" / "cache"
# Models that a training or a conversion makes: once for all lanes, and anew where a source has changed.
_MODELS = ROOT / "build" / "models"
_SOURCES = tuple(ROOT / part for part in ("train", "keras_models", "export", "runtime"))


# A slow test takes a minute, and half an hour on a busy machine; beyond that it hangs.
_SLOW_SECONDS = 1800
# These train, export or download: a test that uses one is slow.
_SLOW_FIXTURES = {"trained", "exported", "plain_models", "wheelhouse"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests that use a slow fixture the marker `slow`, before -m looks at the markers, and slow ones time."""
    for item in items:
        if _SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SLOW_SECONDS))


def _keep_caches_below_build() -> None:
    """Nothing is written to the user's own caches: a session's are in build/cache and stay for the next one.

    There are the environments that fmnist-export makes for targets, the userlands of `make devices`, what pip has
    downloaded, and Keras's settings. The data set is read where Keras has it already.
    """
    downloaded = fashion_mnist.keras_cache()
    link = _CACHE / "keras" / "datasets" / downloaded.name
    link.parent.mkdir(parents=True, exist_ok=True)
    if downloaded.exists() and not link.exists():
        with contextlib.suppress(FileExistsError):  # another lane was first
            link.symlink_to(downloaded)
    os.environ["XDG_CACHE_HOME"] = str(_CACHE)
    os.environ["KERAS_HOME"] = str(_CACHE / "keras")
    os.environ["MPLCONFIGDIR"] = str(_CACHE / "matplotlib")
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(_CACHE / "hypothesis")


# Before a test module imports Keras or matplotlib, which read these variables then.
_keep_caches_below_build()
heed_interrupts()


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
    return _copy(_trained(), tmp_path_factory)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a folder after the real fmnist-export --quantize."""
    return _copy(_exported(), tmp_path_factory)


@pytest.fixture(scope="session")
def plain_models() -> Path:
    """A folder of .tflite files that TensorFlow alone wrote, with Keras's answers (tests/support/plain_models.py)."""
    program = ROOT / "tests" / "support" / "plain_models.py"

    def make(folder: Path) -> None:
        command = [sys.executable, program, folder]
        result = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
        assert result.returncode == 0, result.stderr[-2000:]

    return make_once(_MODELS / digest_name("plain", program, ROOT / "runtime"), make)


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


def _trained() -> Path:
    def make(folder: Path) -> None:
        result = run_command("fmnist-train", "-o", folder)
        assert result.returncode == 0, result.stderr

    return make_once(_MODELS / digest_name("trained", *_SOURCES), make)


def _exported() -> Path:
    def make(folder: Path) -> None:
        shutil.copytree(_trained(), folder, dirs_exist_ok=True)
        result = run_command("fmnist-export", folder / "model.keras", "--quantize")
        assert result.returncode == 0, result.stderr

    return make_once(_MODELS / digest_name("exported", *_SOURCES), make)


def _copy(folder: Path, factory: pytest.TempPathFactory) -> Path:
    """A session's own copy of `folder`, so that no test can change what another session finds."""
    return Path(shutil.copytree(folder, factory.mktemp("models") / "model"))
