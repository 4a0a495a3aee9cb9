import json
import subprocess

import pytest
from helpers import BIN

# Each way trains a model.
pytestmark = pytest.mark.slow


def test_every_variant_is_compared_with_ours() -> None:
    command = [BIN / "python", "-m", "fmnist_benchmarks.training.convolutions", "--model", "cnn-nano"]
    child = subprocess.run(
        [*command, "--images", "256", "--rounds", "1", "--json"], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    result = json.loads(child.stdout)
    ours, *others = result["variants"]
    assert ours["variant"] == "fmnist-train"
    assert ours["times_ours"] == 1
    assert len(others) == 3
    assert all(variant["seconds"] > 0 for variant in result["variants"])
