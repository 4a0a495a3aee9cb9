import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fmnist_runtime import Classifier, Prediction
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ClosedError, ImageError, ThreadsError, UnknownBackendError


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier()


def test_the_public_names_are_these_five() -> None:
    import fmnist_runtime

    assert fmnist_runtime.__all__ == ["CLASS_NAMES", "Classifier", "FmnistError", "Prediction", "read_images"]
    for name in fmnist_runtime.__all__:
        assert getattr(fmnist_runtime, name) is not None


def test_the_first_test_image_is_an_ankle_boot(classifier: Classifier, test_split: Split) -> None:
    prediction = classifier.classify(test_split.images[0])
    assert isinstance(prediction, Prediction)
    assert (prediction.index, prediction.label) == (9, "Ankle boot")
    assert 0.5 < prediction.score <= 1


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_all_methods_give_the_same_answer(exported: Path, test_split: Split, precision: str) -> None:
    with Classifier(exported / f"model-{precision}.tflite") as classifier:
        outputs = classifier.outputs(test_split.images[:200])
        for image, output in zip(test_split.images[:200], outputs, strict=True):
            index = classifier.index(image)
            probabilities = classifier.probabilities(image)
            prediction = classifier.classify(image)
            assert index == output.argmax() == prediction.index == probabilities.argmax()
            assert probabilities.sum() == pytest.approx(1, abs=1e-6)
            assert prediction.score == pytest.approx(probabilities[index], abs=1e-6)
            assert classifier.top(image, 3)[0] == prediction
            scores = [prediction.score for prediction in classifier.top(image, 10)]
            assert scores == pytest.approx(sorted(probabilities.tolist(), reverse=True), abs=1e-6)


@pytest.mark.slow
def test_the_shipped_model_is_right_on_the_real_test_set(classifier: Classifier, test_split: Split) -> None:
    assert classifier.description is not None
    answers = classifier.outputs(test_split.images).argmax(axis=1)
    proof = classifier.description["proofs"][0]
    # Two runtimes may differ on an image in some thousands (one of 10,000 between them: docs/measurements.md).
    assert np.mean(answers == test_split.labels) == pytest.approx(proof["accuracy"], abs=0.0005)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((28, 28), np.float32),
        np.full((28, 28), np.nan),
        np.zeros((27, 28), np.uint8),
        np.zeros((1, 28, 28), np.uint8),
        np.zeros(784, np.uint8),
        np.zeros((28, 28), np.int8),
    ],
)
def test_other_images_are_refused_before_the_model_sees_them(classifier: Classifier, image: np.ndarray) -> None:
    for ask in (classifier.index, classifier.classify, classifier.probabilities):
        with pytest.raises(ImageError, match=r"expected \(28, 28\) uint8"):
            ask(image)


@pytest.mark.parametrize("image", [[[0] * 28] * 28, None, "x.png"])
def test_values_that_are_no_array_are_refused_too(classifier: Classifier, image: object) -> None:
    for ask in (classifier.index, classifier.classify, classifier.probabilities):
        with pytest.raises(ImageError, match=r"expected \(28, 28\) uint8"):
            ask(image)  # type: ignore[operator]


def test_any_memory_layout_gives_the_same_answer(classifier: Classifier, test_split: Split, tmp_path: Path) -> None:
    wide = np.zeros((56, 56), np.uint8)
    stored = np.memmap(tmp_path / "x", np.uint8, "w+", shape=(28, 28))
    read_only = test_split.images[0].copy()
    read_only.flags.writeable = False
    for image in test_split.images[:20]:
        wide[::2, ::2] = stored[...] = image
        expected = classifier.classify(image)
        for same in (wide[::2, ::2], np.asfortranarray(image), stored, image[::-1][::-1]):
            assert classifier.classify(same) == expected
    assert classifier.index(read_only) == 9


def test_int8_outputs_give_probabilities_too(trained: Path, test_split: Split, tmp_path: Path) -> None:
    """int8 in and out, made by the export's own converter in a process with tensorflow."""
    code = (
        "import sys, pathlib, keras, numpy; from fmnist_export.convert.converter import convert\n"
        "model, images, output = sys.argv[1:]\n"
        "calibration = numpy.load(images).astype('float32') / 255\n"
        "content = convert(keras.models.load_model(model), 'int8-strict', calibration).content\n"
        "pathlib.Path(output).write_bytes(content.replace(b'fmnist-edge zip', b'MLIR Converted.'))"
    )
    np.save(tmp_path / "images.npy", test_split.images[:100])
    path = tmp_path / "strict.tflite"
    subprocess.run([sys.executable, "-c", code, trained / "model.keras", tmp_path / "images.npy", path], check=True)
    with Classifier(path) as classifier:
        assert classifier._output.dtype == np.int8
        for image in test_split.images[:200]:
            output = classifier.outputs(image[np.newaxis])[0]
            expected = (output.astype(float) + 128) / (output.astype(float) + 128).sum()
            prediction = classifier.classify(image)
            assert classifier.probabilities(image) == pytest.approx(expected, abs=1e-6)
            assert prediction.index == classifier.index(image) == output.argmax()
            assert prediction.score == pytest.approx(expected.max(), abs=1e-9)


def test_a_backend_and_a_number_of_threads_are_used_or_refused(test_split: Split) -> None:
    classifier = Classifier(backend="tflite-runtime")
    assert classifier.runtime.name == "tflite-runtime"
    assert classifier.runtime.reason == "tflite-runtime 2.14.0: asked for"
    with pytest.raises(UnknownBackendError, match="unknown"):
        Classifier(backend="tensorflow")
    with pytest.raises(ThreadsError, match="expected 1 or more"):
        Classifier(num_threads=0)


def test_a_closed_classifier_raises_closed_error(test_split: Split) -> None:
    with Classifier() as classifier:
        classifier.index(test_split.images[0])
    with pytest.raises(ClosedError, match="closed"):
        classifier.index(test_split.images[0])


def test_a_broken_installation_is_explained_with_a_command(tmp_path: Path) -> None:
    """A stand-in for numpy's version; the message is what counts, the failure itself is tflite-runtime's."""
    from fmnist_runtime.inference import interpreters

    message = interpreters._broken("tflite-runtime 2.14.0", SystemError("x"))
    assert "SystemError" in message
    assert "pip install" in message


def test_the_runtime_imports_no_other_package_of_ours() -> None:
    code = (
        "import sys, importlib, pkgutil, fmnist_runtime\n"
        "for module in pkgutil.walk_packages(fmnist_runtime.__path__, 'fmnist_runtime.'):\n"
        "    importlib.import_module(module.name)\n"
        "from fmnist_runtime import Classifier\n"
        "Classifier().index(__import__('numpy').zeros((28, 28), 'uint8'))\n"
        "names = {name.split('.')[0] for name in sys.modules}\n"
        "bad = names & {'tensorflow', 'keras', 'matplotlib', 'fmnist_train', 'fmnist_export', 'fmnist_benchmarks'}\n"
        "print(sorted(bad))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_the_stages_together_give_what_classify_gives(test_split: Split) -> None:
    with Classifier("mlp") as classifier:
        stages = classifier.stages()
        assert stages.input_values.shape == (256,)
        for image in test_split.images[:20]:
            stages.write(image)
            stages.invoke()
            outputs = stages.read()
            assert outputs.index(max(outputs)) == classifier.classify(image).index
