import json
from typing import Any

import pytest

from fmnist_benchmarks.output import report
from fmnist_benchmarks.publish import record, tables

_REFERENCE = record.read(tables.REFERENCE)


@pytest.mark.parametrize("part", ["litert", "tflite-runtime"])
def test_the_recorded_results_fit_80_columns(part: str) -> None:
    document = {**_REFERENCE["parts"][part]["result"], "rounds": 12}
    lines = report.render(document).splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(report.render(document).split())
    for result in document["results"]:
        assert result["sha256"][:12] in text
        assert f"{result['invoke_us']['p50']:.2f}" in text
    assert document["verdict"] in text


def test_slow_and_hot_results_fit_too() -> None:
    document: dict[str, Any] = json.loads(json.dumps({**_REFERENCE["parts"]["litert"]["result"], "rounds": 12}))
    result = document["results"][0]
    result["model"] = "a-model-of-a-person-with-a-long-name-int8.tflite"
    result["energy"] = {"microjoules": 1e6, "watts": 3.0}
    for figures in (result["invoke_us"], result["classify_us"]):
        for name in ("p50", "p50_low", "p50_high", "p90", "p99", "max", "std"):
            figures[name] *= 10_000
    lines = report.render(document).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("energy   1,000,000.0 uJ an image, 3.00 W") for line in lines)
