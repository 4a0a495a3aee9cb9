"""What plain .tflite files, written by TensorFlow alone, mean: pixels, labels and scores, on real images."""

import contextlib
import copy
import json
import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from helpers import assert_fails, run_command

from fmnist_runtime import Classifier
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import DataError, FmnistError, ModelFileError, PixelRangeError
from fmnist_runtime.model import interface, model_file, shipped
from fmnist_runtime.model.golden import Golden

COUNT = 2000
STANDARD = (-0.286 / 0.353, 0.714 / 0.353)


class Member(NamedTuple):
    """A file of tests/support/plain_models.py: its range, how it is known, what must be stated."""

    name: str
    low: float
    high: float
    reason: str
    stated: tuple[float, float] | None = None

    @property
    def assumed(self) -> bool:
        return self.reason.startswith("assumed")


RANGES = [
    Member("unit", 0, 1, "assumed"),
    Member("unit-int8", 0, 1, "the input's scale 0.00392157 and zero point -128"),
    Member("unit-int8-float-input", 0, 1, "the first layer's scale 0.00392157 and zero point -128"),
    Member("unit-int16", 0, 1, "assumed"),
    Member("unit-convolution", 0, 1, "assumed"),
    Member("rescaled", 0, 255, "concluded from the first layer, 0.00392157 * x"),
    Member("rescaled-int8", 0, 255, "the input's scale 1 and zero point -128"),
    Member("rescaled-uint8", 0, 255, "the input's scale 1 and zero point 0"),
    Member("rescaled-int16", 0, 255, "concluded from the first layer, 0.00392"),
    Member("rescaled-float16", 0, 255, "concluded from the first layer, 0.0039"),
    Member("raw-bytes", 0, 255, "the input is uint8 without a scale"),
    Member("fused", 0, 255, "assumed from the small weights of the first layer"),
    Member("fused-float16", 0, 255, "assumed from the small weights of the first layer"),
    Member("both-signs-inside", 0, 255, "assumed from the small weights of the first layer"),
    Member("doubled", 0, 1, "concluded from the first layer, 2 * x - 1"),
    Member("inverted-inside", 0, 1, "concluded from the first layer, -1 * x + 1"),
    Member("normalized", 0, 1, "concluded from the first layer, 2.8"),
    Member("columns-normalized", 0, 255, "concluded from the first layer, 0.011"),
    Member("both-signs-int8", -1, 1, "the input's scale 0.00784314 and zero point -1"),
    Member("both-signs", -1, 1, "given", stated=(-1, 1)),
    Member("standardized-uint8", *STANDARD, "the input's scale 0.0111"),
    Member("standardized", *STANDARD, "given", stated=STANDARD),
]


def answers(folder: Path, name: str) -> np.ndarray:
    """What Keras answers to the first COUNT test images, (COUNT, 10)."""
    return np.load(folder / f"{name}.npy")


def accuracy(found: np.ndarray, test: Split) -> float:
    return float(np.mean(found.argmax(axis=1) == test.labels[:COUNT]))


@pytest.mark.parametrize("member", RANGES, ids=[member.name for member in RANGES])
def test_a_plain_file_is_given_the_pixels_that_it_was_trained_on(
    plain_models: Path, test_split: Split, member: Member
) -> None:
    with Classifier(plain_models / f"{member.name}.tflite", pixels=member.stated) as classifier:
        found = classifier.pixel_range
        # A quantized input spans its range with 255 steps, so it is up to a step off.
        step = (member.high - member.low) / 255
        assert found[:2] == pytest.approx((member.low, member.high), abs=step)
        assert found.reason.startswith(member.reason)
        assert found.assumed == member.assumed
        keras = accuracy(answers(plain_models, member.name), test_split)
        assert keras > 0.75
        assert accuracy(classifier.outputs(test_split.images[:COUNT]), test_split) == pytest.approx(keras, abs=0.01)


def test_a_range_that_is_not_stated_costs_accuracy_but_is_said(plain_models: Path, test_split: Split) -> None:
    for name in ("both-signs", "standardized"):
        with Classifier(plain_models / f"{name}.tflite") as classifier:
            assert classifier.pixel_range == (0, 1, "assumed", True)
            assert accuracy(classifier.outputs(test_split.images[:COUNT]), test_split) < 0.2


ENDS = [
    ("end-linear", "logits"),
    ("end-softmax", "probabilities"),
    ("end-log_softmax", "log-probabilities"),
    ("end-sigmoid", "independent probabilities"),
    ("end-relu", "unknown"),
    ("end-relu6", "unknown"),
    ("end-tanh", "unknown"),
    ("end-mean-of-softmaxes", "probabilities"),
]
# What Keras's own answers say, by the kind of the output.
EXPECTED = {
    "logits": lambda row: np.exp(row - row.max()) / np.exp(row - row.max()).sum(),
    "probabilities": lambda row: row,
    "log-probabilities": np.exp,
    "independent probabilities": lambda row: row,
}


@pytest.mark.parametrize(("name", "kind"), ENDS)
@pytest.mark.parametrize("precision", ["", "-int8"])
def test_scores_mean_something_or_there_are_none(
    plain_models: Path, test_split: Split, name: str, kind: str, precision: str
) -> None:
    path = plain_models / f"{name}{precision}.tflite"
    if precision and name in ("end-tanh", "end-mean-of-softmaxes"):
        assert not path.exists()
        return
    keras = answers(plain_models, f"{name}{precision}")
    # int8: a logit is off by a step or two of 0.1, and with it a probability by some hundredths.
    near = 0.1 if precision else 1e-5
    with Classifier(path) as classifier:
        assert classifier.output_kind == kind
        outputs = classifier.outputs(test_split.images[:COUNT])
        assert accuracy(outputs, test_split) == pytest.approx(accuracy(keras, test_split), abs=0.01)
        for number in range(50):
            image, row = test_split.images[number], keras[number]
            prediction, top = classifier.classify(image), classifier.top(image, 10)
            assert prediction.index == outputs[number].argmax()
            assert top[0] == prediction
            if kind == "unknown":
                assert [one.score for one in top] == [None] * 10
                with pytest.raises(ModelFileError, match="no probabilities or logits, so there are no scores"):
                    classifier.probabilities(image)
                continue
            expected = EXPECTED[kind](row)
            assert prediction.score == pytest.approx(expected[prediction.index], abs=near)
            found = classifier.probabilities(image)
            assert found == pytest.approx(expected, abs=near)
            assert [one.score for one in top] == pytest.approx([found[one.index] for one in top], abs=1e-6)
            if kind != "independent probabilities":
                assert found.sum() == pytest.approx(1, abs=1e-5)


def test_sigmoids_are_not_made_to_sum_to_one(plain_models: Path, test_split: Split) -> None:
    with Classifier(plain_models / "end-sigmoid.tflite") as classifier:
        sums = [classifier.probabilities(image).sum() for image in test_split.images[:100]]
        assert max(sums) > 1.5


def test_described_files_keep_their_scores(test_split: Split) -> None:
    """Recorded before plain files got rules of their own, tflite-runtime 2.14."""
    recorded = {
        "mlp": (0.9044949780059477, 0.9940101820236846),
        "cnn-nano": (0.99478213097053, 0.9995015756693324),
        "cnn-micro": (0.9999402765330059, 0.9992678795910024),
    }
    for name, scores in recorded.items():
        with Classifier(name, backend="tflite-runtime") as classifier:
            assert classifier.output_kind == "probabilities"
            assert classifier.label_source == "its description"
            assert classifier.pixel_range == (0, 1, "its description", False)
            predictions = [classifier.classify(image) for image in test_split.images[:2]]
        assert [one.index for one in predictions] == [9, 2]
        # Another processor's kernels may add in another order.
        assert [one.score for one in predictions] == pytest.approx(scores, rel=1e-6)


def test_labels_are_given_or_numbers_and_never_invented(plain_models: Path, test_split: Split) -> None:
    path = plain_models / "unit.tflite"
    image = test_split.images[0]
    with Classifier(path) as classifier:
        assert classifier.labels == tuple(f"class {number}" for number in range(10))
        assert classifier.label_source is None
        assert classifier.classify(image).label == "class 9"
    with Classifier(path, labels=list("abcdefghij")) as classifier:
        assert classifier.label_source == "given"
        assert classifier.classify(image).label == "j"
        assert classifier.top(image, 1)[0].label == "j"
    with pytest.raises(DataError, match="has 10 classes, 3 labels are given"):
        Classifier(path, labels=["a", "b", "c"])
    for none in ("abcdefghij", [], [1] * 10, 7):
        with pytest.raises(DataError, match="no list of names"):
            Classifier(path, labels=none)  # type: ignore[arg-type]


def test_any_number_of_classes_but_one(plain_models: Path, test_split: Split) -> None:
    with Classifier(plain_models / "units-5.tflite") as classifier:
        assert classifier.labels == ("class 0", "class 1", "class 2", "class 3", "class 4")
        keras = answers(plain_models, "units-5")[0]
        assert classifier.probabilities(test_split.images[0]) == pytest.approx(keras, abs=1e-5)
    with pytest.raises(
        ModelFileError, match=r"units-1\.tflite: the output has 1 values, expected one for each of 2 to"
    ):
        Classifier(plain_models / "units-1.tflite")


def test_what_a_description_states_is_not_contradicted() -> None:
    with Classifier("mlp", pixels=(0, 1), labels=CLASS_NAMES) as classifier:
        assert classifier.labels == CLASS_NAMES
    with pytest.raises(PixelRangeError, match=r"its description states pixels 0\.\.1, not 0\.\.255"):
        Classifier("mlp", pixels=(0, 255))
    with pytest.raises(DataError, match="class 0 is 'T-shirt/top' by its description, 'Ankle boot' by the labels"):
        Classifier("mlp", labels=CLASS_NAMES[::-1])
    with pytest.raises(DataError, match="has 10 classes, 2 labels"):
        Classifier("mlp", labels=["a", "b"])


@pytest.mark.parametrize(
    "pixels", [(0, 0), (0, math.inf), (math.nan, 1), (0, 10**400), (0, 1, 2), (0,), 3, "01", ("a", "b"), (-1e38, 1e38)]
)
def test_pixels_that_are_no_range_are_refused(plain_models: Path, pixels: object) -> None:
    with pytest.raises(PixelRangeError, match="expected"):
        Classifier(plain_models / "unit.tflite", pixels=pixels)  # type: ignore[arg-type]


def test_a_copy_keeps_what_was_stated(plain_models: Path, test_split: Split) -> None:
    classifier = Classifier(plain_models / "both-signs.tflite", pixels=(-1, 1), labels=list("abcdefghij"))
    other = copy.copy(classifier)
    assert (other.pixel_range, other.labels) == (classifier.pixel_range, classifier.labels)
    image = test_split.images[0]
    assert other.classify(image) == classifier.classify(image)


def test_the_description_tells_the_kind_that_the_operators_do_not(plain_models: Path, tmp_path: Path) -> None:
    """Files of schema 1 said "logits" of everything but a softmax."""
    content = model_file.mark((plain_models / "end-relu.tflite").read_bytes())
    for stated, expected in (("logits", "logits"), ("unknown", "unknown"), ("nonsense", "unknown")):
        _describe(tmp_path / "m.tflite", content, stated)
        with Classifier(tmp_path / "m.tflite") as classifier:
            assert classifier.output_kind == expected
    _describe(tmp_path / "m.tflite", content, 3)
    with pytest.raises(ModelFileError, match=r"its description says output\.kind is 3, expected a printable text"):
        Classifier(tmp_path / "m.tflite")


def _describe(path: Path, content: bytes, kind: object) -> None:
    description = model_file.describe(content, CLASS_NAMES, input={"range": [0, 1]}, output={"kind": kind})
    path.write_bytes(model_file.pack(content, CLASS_NAMES, description))


@pytest.mark.parametrize("stated", [[0, 10**400], [0, 0], [0, None], [0], {}, None, "x", [0, math.inf]])
def test_a_description_with_a_range_that_is_none_is_refused(tmp_path: Path, stated: object) -> None:
    file = model_file.read(shipped.model_path("mlp"))
    assert file.labels is not None
    description = model_file.describe(file.flatbuffer, file.labels, input={"range": stated})
    (tmp_path / "m.tflite").write_bytes(model_file.pack(file.flatbuffer, file.labels, description))
    with pytest.raises(ModelFileError, match=r"m\.tflite: its description (states|says) .*range"):
        Classifier(tmp_path / "m.tflite")


# The commands.


@pytest.fixture
def image(test_split: Split, tmp_path: Path) -> Path:
    """The first test image, an ankle boot, class 9."""
    np.save(tmp_path / "boot.npy", test_split.images[0])
    return tmp_path / "boot.npy"


def classify(folder: Path, name: str, image: Path, *options: object):
    return run_command(
        "fmnist-classify", image, "--model", folder / f"{name}.tflite", "--backend=tflite-runtime", *options
    )


def test_classify_says_what_it_assumes_on_every_run(plain_models: Path, image: Path) -> None:
    assumed = "unit.tflite does not say what its pixels mean: 0..1 is assumed; state it with --pixels LOW..HIGH"
    unnamed = "unit.tflite names no classes; give --labels FILE"
    runtime = "unit.tflite on tflite-runtime 2.14.0: asked for"
    for _ in range(2):
        result = classify(plain_models, "unit", image, "--json")
        assert result.returncode == 0
        assert result.stderr.splitlines() == [assumed, unnamed]
        assert json.loads(result.stdout)["label"] == "class 9"
        assert classify(plain_models, "unit", image).stderr.splitlines() == [runtime, assumed, unnamed]
    fused = classify(plain_models, "fused", image, "--json")
    assert "fused.tflite does not say what its pixels mean: 0..255 is assumed from the small weights" in fused.stderr
    assert json.loads(fused.stdout)["index"] == 9


@pytest.mark.parametrize("name", ["rescaled", "unit-int8", "raw-bytes", "doubled"])
def test_classify_says_where_a_range_is_from(plain_models: Path, image: Path, name: str) -> None:
    result = classify(plain_models, name, image)
    assert result.returncode == 0, result.stderr
    reason = next(member.reason for member in RANGES if member.name == name)
    assert f"({reason}" in next(line for line in result.stderr.splitlines() if f"{name}.tflite: pixels " in line)
    assert "assumed" not in result.stderr


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("unit", ["--pixels", "0..1"], "unit.tflite: pixels 0..1 (--pixels)"),
        ("both-signs", ["--pixels", "-1..1"], "both-signs.tflite: pixels -1..1 (--pixels)"),
        ("both-signs", ["--mean", "0.5", "--std", "0.5"], "pixels -1..1 (--mean 0.5 --std 0.5)"),
        ("standardized", ["--mean", "0.286", "--std", "0.353"], "pixels -0.810198..2.02266 (--mean"),
        (
            "unit-int8",
            ["--pixels", "0..255"],
            "0..255 (--pixels, though the input's scale 0.00392157 and zero point -128 tells 0..1)",
        ),
    ],
)
def test_options_state_the_range(plain_models: Path, image: Path, name: str, options: list[str], words: str) -> None:
    result = classify(plain_models, name, image, *options)
    assert result.returncode == 0, result.stderr
    assert words in result.stderr
    assert "assumed" not in result.stderr
    with Classifier(plain_models / f"{name}.tflite", pixels=_ends(options)) as classifier:
        expected = classifier.classify(np.load(image))
    found = json.loads(classify(plain_models, name, image, *options, "--json").stdout)
    assert (found["index"], found["score"]) == (expected.index, pytest.approx(expected.score))


def _ends(options: list[str]) -> tuple[float, float]:
    if options[0] == "--pixels":
        low, high = options[1].split("..")
        return float(low), float(high)
    mean, std = float(options[1]), float(options[3])
    return -mean / std, (1 - mean) / std


def test_wrong_options_are_one_line(plain_models: Path, image: Path, tmp_path: Path) -> None:
    usage = [
        (["--pixels", "0-1"], "expected LOW..HIGH"),
        (["--mean", "0.5"], "--mean and --std belong together"),
        (["--std", "0.5"], "--mean and --std belong together"),
        (["--pixels", "0..1", "--mean", "0.5", "--std", "1"], "give one of them"),
        (["--mean", "72.9", "--std", "90"], "scale of 0..1"),
    ]
    for options, words in usage:
        assert_fails(classify(plain_models, "unit", image, *options), 2, words)
    (tmp_path / "two.txt").write_text("a\nb\n")
    assert_fails(classify(plain_models, "unit", image, "--labels", tmp_path / "two.txt"), 1, "10 classes, 2 labels")
    assert_fails(classify(plain_models, "unit", image, "--labels", tmp_path / "gone.txt"), 1, "gone.txt")
    described = ("fmnist-classify", image, "--model", "mlp")
    assert_fails(run_command(*described, "--pixels", "0..255"), 1, "its description states pixels 0..1, not 0..255")
    assert_fails(run_command("fmnist-verify", "mlp", "--pixels", "0..255"), 1, "its description states pixels 0..1")
    assert_fails(run_command(*described, "--labels", tmp_path / "two.txt"), 1, "10 classes, 2 labels")
    assert run_command(*described, "--pixels", "0..1").returncode == 0
    assert run_command("fmnist-verify", "mlp", "--pixels", "0..1").returncode == 0


def test_labels_from_a_file(plain_models: Path, image: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("".join(f"digit {number}\n" for number in range(10)))
    result = classify(plain_models, "unit-int8", image, "--labels", tmp_path / "names.txt", "--json")
    assert json.loads(result.stdout)["label"] == "digit 9"
    assert result.stderr == ""


def with_metadata(model: Path, goal: Path, members: dict[str, str]) -> Path:
    """`model` with a ZIP of `members` behind it, as TFLite's metadata writer appends it."""
    goal.write_bytes(model.read_bytes())
    with zipfile.ZipFile(goal, "a") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return goal


TEN = "".join(f"digit {number}\n" for number in range(10))


@pytest.mark.parametrize(
    ("members", "source"),
    [
        ({"labels.txt": TEN}, "labels.txt inside it"),
        ({"labelmap.txt": TEN + "\n\n"}, "labelmap.txt inside it"),
        ({"labels.txt": TEN, "vocabulary.txt": "one\ntwo\n"}, "labels.txt inside it"),
        ({"a.txt": TEN, "b.txt": TEN}, None),
        ({"labels.txt": TEN + "more\n"}, None),
        ({"labels.csv": TEN}, None),
        ({"labels.txt": TEN.replace("3", "\x1b[31m")}, None),
        ({f"{number}.txt": "x" for number in range(100)} | {"labels.txt": TEN}, None),
        ({"labels.txt": TEN, "big.txt": "\n" * 2**21}, "labels.txt inside it"),
    ],
)
def test_names_in_tflites_own_metadata(
    plain_models: Path, image: Path, tmp_path: Path, members: dict[str, str], source: str | None
) -> None:
    path = with_metadata(plain_models / "unit-int8.tflite", tmp_path / "unit-int8.tflite", members)
    with Classifier(path) as classifier:
        assert classifier.label_source == source
        assert classifier.labels[9] == ("digit 9" if source else "class 9")
        assert len(classifier.labels) == 10
    with Classifier(path, labels=list("abcdefghij")) as classifier:
        assert classifier.labels[9] == "j"
    if source == "labelmap.txt inside it":
        result = classify(tmp_path, "unit-int8", image, "--json")
        assert json.loads(result.stdout)["label"] == "digit 9"
        assert result.stderr == f"unit-int8.tflite: the names of its classes are those of {source}\n"


def test_damaged_metadata_name_nothing(plain_models: Path, tmp_path: Path) -> None:
    path = with_metadata(plain_models / "unit-int8.tflite", tmp_path / "unit-int8.tflite", {"labels.txt": TEN})
    content, rng = path.read_bytes(), np.random.default_rng(0)
    start = len((plain_models / "unit-int8.tflite").read_bytes())
    for place in [*rng.integers(start, len(content), 200), *range(len(content) - 22, len(content))]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with contextlib.suppress(FmnistError):
            file = model_file.read(path)
            assert interface.read(file, None, None).label_source in (None, "labels.txt inside it")


def test_answers_without_a_score(plain_models: Path, image: Path) -> None:
    result = classify(plain_models, "end-relu-int8", image, "--top", 2)
    assert (
        "end-relu-int8.tflite: its outputs are no probabilities or logits, so its answers have no score"
        in result.stderr
    )
    assert result.stdout.split()[1:4] == ["class", "9", "-"]
    line = json.loads(classify(plain_models, "end-relu-int8", image, "--json", "--min-score", 0).stdout)
    assert (line["index"], line["score"], line["unsure"]) == (9, None, True)
    assert line["top"] == [{"index": 9, "label": "class 9", "score": None}]
    assert "unsure" in classify(plain_models, "end-relu-int8", image, "--min-score", 0).stdout


def test_verify_takes_the_range_of_a_plain_file(plain_models: Path, test_split: Split, tmp_path: Path) -> None:
    keras = answers(plain_models, "both-signs")
    golden = Golden(
        test_split.images[:200],
        np.arange(200, dtype=np.int32),
        keras[:200].argmax(axis=1).astype(np.uint16),
        keras[:200],
        keras.argmax(axis=1).astype(np.uint16),
        "0" * 64,
    )
    (tmp_path / "golden.npz").write_bytes(golden.to_bytes())
    command = ("fmnist-verify", plain_models / "both-signs.tflite", "--golden", tmp_path / "golden.npz", "--json")
    passed = run_command(*command, "--pixels", "-1..1")
    assert passed.returncode == 0, passed.stderr
    assert json.loads(passed.stdout)["agreement"] == 1
    assert passed.stderr == ""
    failed = run_command(*command)
    assert_fails(failed, 1, "answered otherwise than Keras")
    assert "both-signs.tflite does not say what its pixels mean: 0..1 is assumed" in failed.stderr
    assert json.loads(failed.stdout)["agreement"] < 0.9


def test_the_files_of_others_end_in_no_traceback(plain_models: Path) -> None:
    """Damage everywhere but in the weights: what is read of the first and the last operators, and concluded of them."""
    rng = np.random.default_rng(0)
    accepted = refused = 0
    for path in sorted(plain_models.glob("*.tflite")):
        content = path.read_bytes()
        places = np.ones(len(content), bool)
        for tensor in model_file.parse(content, path).graph.tensors:
            if tensor.data.length > 64:
                places[tensor.data.start : tensor.data.end] = False
        for place in rng.choice(np.flatnonzero(places), 60):
            damaged = bytearray(content)
            damaged[place] = rng.integers(256)
            try:
                file = model_file.parse(bytes(damaged), path)
                found = interface.read(file, None, None)
                found.table(np.dtype(file.graph.tensors[file.graph.inputs[0]].dtype))
                accepted += 1
            except FmnistError as error:
                assert "\n" not in str(error)  # noqa: PT017
                refused += 1
    assert accepted > 100
    assert refused > 100
