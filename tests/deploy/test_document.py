"""The document and its tables from observations whose right result is plain."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fmnist_deploy.devices import document, table
from fmnist_deploy.devices.cell_run import CellResult, Model
from fmnist_deploy.devices.cells import CELLS
from fmnist_runtime.model import shipped

_MODEL = Model("m", Path("m.tflite"), shipped.golden_path())
_REFERENCE, _LITERT, _A53, *_ = CELLS
_OUTPUTS = np.array([[-128, 100, -28], [90, -128, 38]], np.int8)
_START = {"import_seconds": 0.5, "peak_kib": 40960, "bare_python_kib": 10240}


def _observed(cell, runtime="tflite-runtime 2.14.0", output=_OUTPUTS, **changed) -> CellResult:
    found = CellResult(
        cell,
        runtime=runtime,
        verify={"m": {"passed": True}},
        labels={"boot.png": "Ankle boot"},
        start=_START,
        outputs={"m": output},
    )
    return dataclasses.replace(found, **changed)


def _broken(*observed: CellResult) -> dict[str, list[str]]:
    rules = document.build(list(observed), [_MODEL], len(_OUTPUTS))["rules"]
    return {rule["rule"]: rule["broken"] for rule in rules if not rule["passed"]}


def _one_step_off() -> np.ndarray:
    outputs = _OUTPUTS.copy()
    outputs[0, 1] -= 1
    return outputs


def test_all_rules_hold_for_equal_outputs() -> None:
    found = document.build([_observed(_REFERENCE), _observed(_A53)], [_MODEL], len(_OUTPUTS))
    assert found["passed"]
    assert found["complete"]
    assert found["cells"][1]["models"]["m"]["compared_with_x86_64"]["identical"]
    text = table.markdown(found)
    where = "| bookworm-arm64, Python 3.11 | cortex-a53 |"
    assert f"{where} Pi 3, Zero 2 W | tflite-runtime 2.14.0 | 0.0000; 0 answers differ; byte-identical |" in text
    assert f"{where} none | 40 | +30 | 0.50 s, emulated |" in text
    assert "BROKEN" not in text


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("every command succeeds in every cell", {"problems": ["fmnist-doctor ended with 1"]}),
        ("no illegal instruction", {"illegal": ["fmnist-doctor"]}),
        ("fmnist-verify passes", {"verify": {"m": {"passed": False}}}),
        ("fmnist-verify passes", {"verify": {}}),
        ("fmnist-classify says the same everywhere", {"labels": {"boot.png": "Bag"}}),
        ("fmnist-classify says the same everywhere", {"labels": {}}),
        ("every cell has its like on x86-64", {"runtime": "LiteRT 2.3.0"}),
        ("tflite-runtime: integer outputs are byte-identical to x86-64's", {"outputs": {"m": _one_step_off()}}),
        (
            "every answer is the one of x86-64 (with convolutions in int8: but for some 1 in 500)",
            {"outputs": {"m": _OUTPUTS[:, ::-1].copy()}},
        ),
    ],
)
def test_a_broken_rule_names_the_cell(rule: str, change: dict[str, object]) -> None:
    broken = _broken(_observed(_REFERENCE), _observed(_A53, **change))
    assert rule in broken
    if "labels" not in change:
        assert broken[rule][0].startswith("bookworm-arm64 cortex-a53: ")


def test_litert_may_differ_by_a_step_but_not_in_an_answer() -> None:
    cell = CELLS[-1]
    same = _observed(_LITERT, "litert 2.3.0")
    step = _observed(cell, "litert 2.3.0", _one_step_off())
    assert _broken(same, step) == {}
    text = table.markdown(document.build([same, step], [_MODEL], 2))
    assert "; 0 answers differ; 1 step on 1 images |" in text
    assert "Of the 1 outputs that differ in all emulated cells together, 0 have" in text


def test_answers_of_the_runtimes_may_differ_for_a_few_integer_outputs_only() -> None:
    tie = np.array([[1, 1, -128], [90, -128, 38]], np.int8)
    turned = np.array([[1, 2, -128], [90, -128, 38]], np.int8)
    assert _broken(_observed(_REFERENCE, output=tie), _observed(_LITERT, "litert 2.3.0", turned)) == {}
    both = np.array([[1, 2, -128], [90, 100, 38]], np.int8)
    rule, *others = _broken(_observed(_REFERENCE, output=tie), _observed(_LITERT, "litert 2.3.0", both))
    assert rule.startswith("both runtimes answer the same")
    assert others == []
    floats = [array.astype(np.float32) for array in (tie, turned)]
    broken = _broken(_observed(_REFERENCE, output=floats[0]), _observed(_LITERT, "litert 2.3.0", floats[1]))
    assert list(broken) == [rule]


def test_convolutions_in_int8_may_change_a_few_answers_in_any_cell() -> None:
    model = dataclasses.replace(_MODEL, convolves_in_integers=True)
    reference = np.tile(np.float32([0.6, 0.4, 0]), (1000, 1))

    def passed(count: int, cell, runtime: str) -> bool:
        turned = reference.copy()
        turned[:count] = turned[:count, [1, 0, 2]]
        cells = [_observed(_REFERENCE, output=reference), _observed(cell, runtime, turned)]
        return document.build(cells, [model], len(reference))["passed"]

    for place in ((_A53, "tflite-runtime 2.14.0"), (_LITERT, "litert 2.3.0")):
        assert passed(document.by_chance(1000), *place)
        assert not passed(document.by_chance(1000) + 1, *place)
    # The tables of the Poisson distribution: P(X <= 7) is 0.9989 and P(X <= 8) 0.9998 for a mean of 2.
    assert document.by_chance(1000) == 8
    assert document.by_chance(1) == 1


def test_a_cell_that_was_not_run_is_listed_and_breaks_no_rule() -> None:
    found = document.build([_observed(_REFERENCE), CellResult(_A53, not_run="no network")], [_MODEL], 2)
    assert found["passed"]
    assert not found["complete"]
    assert "Not run: bookworm-arm64 cortex-a53: no network." in table.markdown(found)


def test_without_any_cell_no_rule_is_listed_as_holding() -> None:
    found = document.build([CellResult(cell, not_run="no network") for cell in CELLS], [_MODEL], 2)
    assert found["emulated_cells"] == 0
    text = table.markdown(found)
    assert "Nothing was proved on ARM" in text
    assert "holds" not in text


def test_a_model_without_outputs_is_a_broken_rule() -> None:
    broken = _broken(_observed(_REFERENCE), _observed(_A53, outputs={}))
    assert broken
