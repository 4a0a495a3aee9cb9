"""What a description may say, and that whoever uses one may rely on it."""

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from environments import run_python

from fmnist_runtime import Classifier
from fmnist_runtime.device import proofs, verification
from fmnist_runtime.errors import DescriptionError
from fmnist_runtime.model import appended_zip, golden, model_file, shipped
from fmnist_runtime.model import description as descriptions

MODEL = shipped.MODELS_FOLDER / shipped.SHIPPED["cnn-nano"]


@pytest.fixture(scope="module")
def file() -> model_file.ModelFile:
    return model_file.read(MODEL)


def edited(file: model_file.ModelFile, place: str, value: Any) -> bytes:
    """The model file with `value` at `place` ("proofs.0.golden.images") of its description, and the digests right."""
    assert file.labels is not None
    description = copy.deepcopy(file.description)
    *parents, key = (int(part) if part.isdigit() else part for part in place.split("."))
    holder: Any = description
    for parent in parents:
        holder = holder[parent]
    holder[key] = value
    return model_file.pack(file.flatbuffer, file.labels, description)  # type: ignore[arg-type]


DEEP: Any = 0
for _ in range(40):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("input", None, "input is None, expected an object with range"),
        ("input", [], r"input is \[\], expected an object"),
        ("input.range", [0, 10**400], r"input.range is .*, expected the range of the pixels, two different finite"),
        ("input.range", [0, 1e39], "input.range is"),
        ("input.range", [0, float("nan")], "input.range is"),
        ("input.range", [0, float("inf")], "input.range is"),
        ("input.range", [True, False], "input.range is"),
        ("input.range", ["0", "1"], "input.range is"),
        ("input.range", [1, 1], "input.range is"),
        ("input.range", [0], "input.range is"),
        ("input.range", {}, "input.range is"),
        ("input.shape", "x", "input.shape is 'x', expected a list"),
        ("input.dtype", "\x1b[31m", r"input.dtype is '\\x1b\[31m', expected a printable text"),
        ("input.scale", "1", "input.scale is '1', expected a finite number or null"),
        ("output", 3, "output is 3, expected an object"),
        ("output.kind", ["probabilities"], "output.kind is"),
        ("keras_sha256", 7, "keras_sha256 is 7, expected a SHA-256 of 64"),
        ("keras_sha256", "x" * 64, "keras_sha256 is"),
        ("precision", 8, "precision is 8, expected a printable text"),
        ("precision", "\u202e", r"precision is '\\u202e'"),
        ("precision", "a" * 1001, "precision is"),
        ("proofs", None, "proofs is None, expected a list"),
        ("proofs", {}, "proofs is {}, expected a list"),
        ("proofs", [None], r"proofs\[0\] is None, expected an object"),
        ("proofs", [[]], r"proofs\[0\] is \[\], expected an object"),
        ("proofs.0.images", -1, r"proofs\[0\].images is -1, expected a whole number from 0"),
        ("proofs.0.images", 2**60, r"proofs\[0\].images is"),
        ("proofs.0.images", 1.5, r"proofs\[0\].images is"),
        ("proofs.0.images", True, r"proofs\[0\].images is True"),
        ("proofs.0.agreement", 1.5, r"proofs\[0\].agreement is 1.5, expected a share from 0 to 1"),
        ("proofs.0.agreement", float("nan"), r"proofs\[0\].agreement is nan"),
        ("proofs.0.accuracy", "high", r"proofs\[0\].accuracy is"),
        ("proofs.0.answers_sha256", None, r"proofs\[0\].answers_sha256 is None"),
        ("proofs.0.runtime", ["x"], r"proofs\[0\].runtime is"),
        ("proofs.0.golden", [], r"proofs\[0\].golden is \[\], expected an object"),
        ("proofs.0.golden.images", -5, r"proofs\[0\].golden.images is -5"),
        ("proofs.0.golden.disagreements", 101, r"golden.disagreements is 101, expected at most its 100 images"),
        ("proofs.0.golden.otherwise", "a:b", r"golden.otherwise is 'a:b', expected pairs"),
        ("proofs.0.golden.otherwise", "100:3", r"golden.otherwise is '100:3', expected an image below 100"),
        ("proofs.0.golden.otherwise", "1:65536", r"golden.otherwise is '1:65536', .* class below 65536"),
        ("proofs.0.golden.otherwise", "-1:3", r"golden.otherwise is '-1:3'"),
        ("training", ["fmnist-train"], "training is .*, expected an object"),
        ("versions", None, "versions is None, expected an object"),
        ("operators", [{"name": 3}], r"operators\[0\].name is 3"),
        ("calibration", 5, "calibration is 5, expected an object or null"),
        ("a key of tomorrow", DEEP, "nested more than 32 deep"),
        ("schema", True, "has schema True, this fmnist-edge reads 1"),
        ("schema", 10**300, "has schema 1000"),
        ("schema", "\x1b[31m", r"has schema '\\x1b\[31m'"),
    ],
)
def test_an_edited_value_is_named_in_one_line(file: model_file.ModelFile, place: str, value: Any, words: str) -> None:
    with pytest.raises(DescriptionError, match=words) as caught:
        model_file.parse(edited(file, place, value), Path("x.tflite"))
    assert str(caught.value).startswith("x.tflite: ")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("a key of tomorrow", {"any": [1.5, None, "\x1b", 10**300]}),
        ("input.channels", 3),
        ("proofs.0.a_key", ["x"]),
        ("proofs.0.accuracy", None),
        ("proofs", []),
        ("calibration", None),
        ("training", {"command": 3, "results": None}),
        ("output.kind", "sigmoid"),
    ],
)
def test_unknown_keys_of_a_newer_writer_pass(
    file: model_file.ModelFile, place: str, value: Any, tmp_path: Path
) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(edited(file, place, value))
    images = golden.read(shipped.golden_path("cnn-nano"))
    with Classifier(path) as classifier:
        assert verification.verify_golden(classifier, images, "here").images == 100


def test_an_incomplete_proof_is_ignored(file: model_file.ModelFile, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(edited(file, "proofs.0.golden", {"images": 100}))
    with Classifier(path) as classifier:
        assert len(proofs.proofs_of(classifier)) == 1


def test_shipped_descriptions_pass_also_with_a_key_missing(file: model_file.ModelFile) -> None:
    assert file.description is not None
    descriptions.check(file.description)
    for key in file.description:
        descriptions.check({name: value for name, value in file.description.items() if name != key})


READ = """
import resource, sys
from pathlib import Path
from fmnist_runtime.model import model_file
from fmnist_runtime.errors import ModelFileError
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 1100 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    model_file.read(Path(sys.argv[1]))
except ModelFileError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("labels", "description", "words"),
    [
        # 200 MB that would become 100 million lists; what is read of the file itself is held some four times.
        (
            b"a\n",
            b'{"flatbuffer":{},"a":[' + b"[]," * (2**26) + b"0]}",
            "the description has more than 1,048,576 bytes",
        ),
        (b"\n" * (200 * 2**20), b"{}", "labels.txt takes 209,715,200 bytes, expected 1,048,576 at most"),
        (b"a\n" * 70_000, b"{}", "70,000 labels"),
        (b"a" * 1001 + b"\n", b"{}", "the longest of 1,001 characters"),
        (b"a\n", b'{"flatbuffer":{},"a":1' + b"0" * 5000 + b"}", "cannot be read"),
    ],
)
def test_labels_and_description_beyond_their_limits_are_refused(
    file: model_file.ModelFile, labels: bytes, description: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.tflite"
    members = {appended_zip.LABELS: labels, appended_zip.DESCRIPTION: description}
    path.write_bytes(file.flatbuffer + appended_zip.make_zip(members, len(file.flatbuffer)))
    result = run_python(Path(sys.executable), "-c", READ, path)
    assert result.stderr == ""
    assert words in result.stdout


def test_a_recomputed_digest_passes_as_the_docs_say(file: model_file.ModelFile) -> None:
    """Whoever edits the description computes the digests again: that is no protection, and none is promised."""
    parsed = model_file.parse(edited(file, "input.range", [0, 255]), Path("x"))
    assert parsed.description is not None
    assert json.dumps(parsed.description["input"]["range"]) == "[0, 255]"
    docs = (Path(__file__).parents[3] / "docs" / "model-file.md").read_text()
    assert "computes the digests again" in docs
