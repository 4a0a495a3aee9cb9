import numpy as np
import pytest

from fmnist_export.prove.proof import Outputs, compare


def test_the_numbers_of_a_proof_on_a_known_sample() -> None:
    keras = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
    values = np.array([[100, 0], [0, 100], [50, 50], [60, 40]], np.int8)
    proof = compare(Outputs(values, "litert", "2.3.0"), keras, np.array([0, 1, 1, 1], np.uint8))
    assert (proof.runtime, proof.version, proof.images) == ("litert", "2.3.0", 4)
    assert proof.agreement == pytest.approx(0.75)
    assert proof.accuracy == pytest.approx(0.5)
    assert proof.keras_accuracy == pytest.approx(0.75)
    assert proof.ties == 1
    assert proof.disagreements == (3,)


def test_without_labels_there_is_agreement_and_no_accuracy() -> None:
    outputs = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    proof = compare(Outputs(outputs, "litert", "2.3.0"), outputs, None)
    assert proof.agreement == 1
    assert proof.accuracy is None
    assert proof.keras_accuracy is None
