"""Each model inside the package, on the real test set and the interpreters at hand, against what its file says."""

import importlib.util

import numpy as np
import pytest

from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_files import DIGESTS
from fmnist_runtime.device import verification
from fmnist_runtime.errors import GoldenFileError
from fmnist_runtime.model import golden, model_file, shipped
from fmnist_runtime.system.digests import sha256

BACKENDS = [
    name
    for name, module in (("tflite-runtime", "tflite_runtime"), ("litert", "ai_edge_litert"))
    if importlib.util.find_spec(module)
]
# What the issue of the small models allows, KB read as 1,000 bytes; the mlp is as it falls.
MOST_BYTES = {"cnn-nano": 32_000, "cnn-micro": 110_000}
RUNTIMES = {"tflite-runtime", "litert"}


@pytest.fixture(params=shipped.SHIPPED)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def file(name: str) -> model_file.ModelFile:
    return model_file.read(shipped.model_path(name))


@pytest.fixture
def images(name: str) -> golden.Golden:
    return golden.read(shipped.golden_path(name))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_shipped_model_answers_the_test_set_as_its_proof_says(
    name: str, file: model_file.ModelFile, images: golden.Golden, test_split: Split, backend: str
) -> None:
    assert file.description is not None
    with Classifier(name, backend=backend) as classifier:
        answers = classifier.outputs(test_split.images).argmax(axis=1)
        runtime = classifier.runtime
        verified = verification.verify_golden(classifier, images, "here")
    assert verified.passed, verified.reason
    right = int((answers == test_split.labels).sum())
    agreeing = int((answers == images.test_expected).sum())
    assert agreeing >= 9_950
    keras_right = int((images.test_expected == test_split.labels).sum())
    assert abs(right - keras_right) <= 20
    proofs = {(proof["runtime"], proof["version"]): proof for proof in file.description["proofs"]}
    proof = proofs.get((runtime.name, runtime.version))
    if proof is not None:
        assert (right, agreeing) == (round(proof["accuracy"] * 10_000), round(proof["agreement"] * 10_000))
    else:
        # Of another release, as many answers may differ as fmnist-verify allows.
        turns = 10_000 // verification.IMAGES_FOR_EACH_DIFFERENCE
        assert min(abs(right - round(proof["accuracy"] * 10_000)) for proof in proofs.values()) <= turns


def test_a_shipped_file_holds_proofs_for_both_runtimes(
    file: model_file.ModelFile, images: golden.Golden, test_split: Split
) -> None:
    assert file.description is not None
    assert file.description["precision"] == "int8"
    assert file.description["keras_sha256"] == images.keras_sha256
    assert {"fmnist-edge", "tensorflow", "keras"} <= set(file.description["versions"])
    proofs = file.description["proofs"]
    assert {proof["runtime"] for proof in proofs} == RUNTIMES
    keras_right = int((images.test_expected == test_split.labels).sum())
    for proof in proofs:
        assert proof["images"] == 10_000
        assert proof["agreement"] >= 0.995
        assert round(proof["keras_accuracy"] * 10_000) == keras_right
        assert abs(round(proof["accuracy"] * 10_000) - keras_right) <= 20
        assert proof["golden"]["images"] == len(images.images)


def test_a_shipped_file_says_how_it_was_trained(name: str, file: model_file.ModelFile) -> None:
    assert file.description is not None
    training = file.description["training"]
    words = training["command"].split()
    assert words[0] == "fmnist-train"
    assert f"--model {name} " in training["command"]
    assert words[words.index("--seed") + 1].isdigit()
    # Whoever trains it again has other folders.
    assert not [word for word in words if word.startswith("/")]
    printed = "".join(f"{digest}  {name}\n" for name, digest in sorted(DIGESTS.items()))
    assert training["data"] == {"images": 60_000, "sha256": sha256(printed.encode())}
    # Left out where the export's are the same.
    versions = training.get("versions", file.description["versions"])
    assert {"fmnist-edge", "python", "tensorflow", "keras", "numpy"} <= set(versions)
    assert training["parameters"] > 0
    assert training["epochs"] > 0
    assert training["seconds"] > 0
    assert training["machine"]
    digests = [*training.get("teachers", []), *([training["start"]] if "start" in training else [])]
    assert len(digests) == words.count("--teacher") + words.count("--start")
    assert all(len(digest) == 64 for digest in digests)
    assert all("otherwise" in proof["golden"] for proof in file.description["proofs"])


def test_shipped_golden_images_are_images_of_the_test_set(images: golden.Golden, test_split: Split) -> None:
    assert len(images.images) >= 50
    assert len(images.test_expected) == 10_000
    assert np.array_equal(images.images, test_split.images[images.indices])
    assert np.array_equal(images.expected, images.test_expected[images.indices])


def test_a_shipped_file_stays_below_its_size_limit(name: str) -> None:
    path = shipped.model_path(name)
    assert path.name == f"{name}-int8.tflite"
    assert golden.find(path) == shipped.golden_path(name)
    assert path.stat().st_size <= MOST_BYTES.get(name, 120_000)


def test_a_golden_file_of_another_export_is_refused(images: golden.Golden, name: str) -> None:
    fewer = golden.Golden(
        images.images[:-1],
        images.indices[:-1],
        images.expected[:-1],
        images.probabilities[:-1],
        images.test_expected,
        images.keras_sha256,
    )
    count = len(images.images)
    with Classifier(name) as classifier, pytest.raises(GoldenFileError, match=f"{count} golden images.* {count - 1}"):
        verification.verify_golden(classifier, fewer, "here")


def test_answers_that_differ_from_the_recorded_ones_are_counted(images: golden.Golden, name: str) -> None:
    """Disagreements exchanged for as many others: the count alone would let them pass."""
    with Classifier(name) as classifier:
        answers = classifier.outputs(images.images).argmax(axis=1)
        assert classifier.description is not None
        proof = classifier.description["proofs"][0]
        proofs = [proof]
        count = len(answers)
        wrong = int((answers != images.expected).sum())
        allowed = max(1, count // 10)
        for turned in (0, allowed, allowed + 1):
            proved = answers.copy()
            # On these images the file agrees with Keras; the record says that it did not.
            proved[np.flatnonzero(answers == images.expected)[:turned]] += 1
            recorded = {
                "images": count,
                "disagreements": wrong,
                "otherwise": verification.golden_differences(proved, images),
            }
            classifier.description["proofs"] = [{**one, "golden": recorded} for one in proofs]
            result = verification.verify_golden(classifier, images, "here")
            assert result.passed == (turned <= allowed)
            assert f"{turned} differ from the recorded answer, {allowed} allowed" in result.reason


def test_recorded_golden_answers_are_read_back() -> None:
    expected = np.array([3, 1, 4, 1, 5], np.uint16)
    images = golden.Golden(
        np.zeros((5, 28, 28), np.uint8),
        np.arange(5, dtype=np.int32),
        expected,
        np.zeros((5, 10), np.float32),
        expected,
        sha256(b""),
    )
    answers = np.array([3, 12, 4, 1, 0])
    assert verification.golden_differences(answers, images) == "1:12 4:0"
    assert verification._recorded_answers(images, "1:12 4:0").tolist() == answers.tolist()
    assert verification.golden_differences(expected, images) == ""
    assert verification._recorded_answers(images, "").tolist() == expected.tolist()
