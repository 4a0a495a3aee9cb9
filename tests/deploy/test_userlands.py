"""The boards' own userlands, emulated, where `make devices` has fetched them: a cell, and a bundle without network."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from machine import without_network

from fmnist_deploy import boards, bundle
from fmnist_deploy.devices import cell_run, document, installation, matrix, table, userland
from fmnist_deploy.devices.cells import CELLS, USERLANDS, Cell
from fmnist_runtime.system import child

_A53, _A7 = (
    next(cell for cell in CELLS if cell.name == name)
    for name in ("bookworm-arm64 cortex-a53", "bookworm-armhf cortex-a7")
)


@pytest.fixture(scope="session")
def userlands() -> None:
    """Skips where `make devices` has not fetched them."""
    if not all(userland.is_made(one) for one in USERLANDS.values()):
        pytest.skip("the boards' userlands are missing in build/cache; run: make devices (.ci/run does)")


def _observe(cell: Cell, wheel: Path, folder: Path, images: np.ndarray) -> cell_run.CellResult:
    np.save(folder / "images.npy", images)
    pictures = matrix._pictures(images, folder)
    return cell_run.run_cell(cell, installation.install(cell, wheel), matrix.shipped(), folder / "images.npy", pictures)


@pytest.mark.host
@pytest.mark.slow
@pytest.mark.usefixtures("userlands")
def test_a_cell_gives_the_answers_of_this_machine(wheel: Path, tmp_path: Path, test_split) -> None:
    images = test_split.images[:50]
    observed = [_observe(cell, wheel, tmp_path, images) for cell in (CELLS[0], _A53)]
    found = document.build(observed, matrix.shipped(), len(images))
    assert found["passed"], found["rules"]
    arm = found["cells"][1]
    assert arm["runtime"] == "tflite-runtime 2.14.0"
    assert arm["labels"] == {"boot.png": "Ankle boot", "trousers.npy": "Trouser", "pullover.jpg": "Pullover"}
    assert "asimd" in arm["features"]
    assert "bookworm-arm64, Python 3.11 | cortex-a53" in table.markdown(found)


@pytest.mark.host
@pytest.mark.slow
@pytest.mark.usefixtures("userlands")
def test_a_bundle_installs_there_without_network(wheel: Path, tmp_path: Path) -> None:
    """The 32-bit one, whose numpy is the system's."""
    content = bundle.make(boards.find("pi-bookworm-32"), bundle.read_models([]), wheel)
    path, prefix = tmp_path / "pi.run", tmp_path / "prefix"
    path.write_bytes(content)
    installed = installation.install(_A7, wheel)
    words = installed.program("-I", path, "--prefix", prefix, "--no-compile", "--json")
    variables = {**os.environ, child.LAUNCHER: " ".join(installed.launcher)}
    result = subprocess.run(
        [*without_network(), *words], env=variables, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["doctor"]["board"]["machine"] == "armv7l"
    assert found["doctor"]["uses"] == "tflite-runtime 2.14.0"
    assert found["verify"][0]["passed"] is True
    assert found["verify"][0]["machine"] == "armv7l"
    path.write_bytes(content[:-1])
    result = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode != 0


def test_an_unavailable_cell_gives_the_reason() -> None:
    with pytest.raises(userland.UnavailableError, match=r"no python3.99 on this machine"):
        installation.host_python((3, 99))
