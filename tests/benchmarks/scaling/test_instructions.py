"""What fmnist-edge adds to an invoke, in instructions: a count that repeats, and so has a budget."""

import machine
import pytest

from fmnist_benchmarks.scaling import instructions
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model.shipped import model_path

_COUNT = 50


@pytest.mark.host
@pytest.mark.slow
def test_a_classify_adds_few_instructions_to_the_bare_invoke() -> None:
    machine.program("valgrind", package="valgrind")
    bare, classify = (
        instructions.per_inference(way, model_path("mlp"), "tflite-runtime", _COUNT) for way in ("bare", "classify")
    )
    assert 10_000 < bare < 1_000_000
    assert 0 < classify - bare < 20_000


def test_without_valgrind_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FmnistError, match="valgrind is not installed"):
        instructions.version()
