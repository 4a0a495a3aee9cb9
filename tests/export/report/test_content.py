"""What a report takes over from the proofs."""

import numpy as np
import pytest

from fmnist_export.prove.proof import Outputs
from fmnist_export.report.content import Run


def test_outputs_become_probabilities_and_ties_are_counted_before() -> None:
    outputs = np.array([[127, -128, -128], [-1, -1, -128], [-128, -128, -128]], np.int8)
    probabilities = {"scale": 1 / 256, "zero_point": -128, "kind": "probabilities"}
    run = Run.from_outputs(Outputs(outputs, "litert", "2.3.0", 0.006), probabilities)
    assert run.probabilities.dtype == np.float32
    assert run.probabilities.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 0]]
    assert (run.classes.tolist(), run.ties) == ([0, 0, 0], 2)
    # 6 ms for three images.
    assert (run.name, run.seconds) == ("litert 2.3.0", pytest.approx(0.002))
    # Two logits that float32 tells apart and their probabilities no longer: the answer is still the output's.
    logits = np.array([[1e-8, 2e-8], [np.log(3), 0]], np.float32)
    run = Run.from_outputs(Outputs(logits, "litert", "2.3.0"), {"scale": None, "zero_point": None, "kind": "logits"})
    assert run.probabilities == pytest.approx(np.array([[0.5, 0.5], [0.75, 0.25]]))
    assert (run.classes.tolist(), run.ties, run.seconds) == ([1, 0], 0, None)
