import pytest

from fmnist_runtime.inference.installation import Machine, advice, backend_advice


@pytest.mark.parametrize(
    ("python", "machine", "bits", "words"),
    [
        ((3, 11), "x86_64", 64, "pip install 'tflite-runtime==2.14.0' 'numpy<2'"),
        ((3, 11), "armv7l", 32, "pip install 'tflite-runtime==2.14.0' 'numpy<2'"),
        ((3, 13), "aarch64", 64, "pip install 'ai-edge-litert>=2.1.6'"),
        ((3, 13), "armv7l", 32, "64-bit Raspberry Pi OS"),
        ((3, 11), "armv6l", 32, "Pi Zero 2 W"),
        ((3, 9), "x86_64", 64, "too old"),
        ((3, 15), "x86_64", 64, "Python 3.13"),
    ],
)
def test_each_machine_gets_its_own_advice(python: tuple[int, int], machine: str, bits: int, words: str) -> None:
    assert words in advice(Machine(python, machine, bits))


@pytest.mark.parametrize(
    ("backend", "python", "machine", "bits", "words"),
    [
        ("litert", (3, 11), "aarch64", 64, "run: pip install 'ai-edge-litert>=2.1.6'"),
        (
            "litert",
            (3, 11),
            "armv7l",
            32,
            "no wheel for 32-bit Python 3.11 on armv7l; run: pip install 'tflite-runtime",
        ),
        ("litert", (3, 13), "armv7l", 32, "64-bit Raspberry Pi OS"),
        ("tflite-runtime", (3, 11), "armv7l", 32, "run: pip install 'tflite-runtime==2.14.0' 'numpy<2'"),
        (
            "tflite-runtime",
            (3, 13),
            "aarch64",
            64,
            "no wheel for Python 3.13 on aarch64; run: pip install 'ai-edge-lite",
        ),
        ("tflite-runtime", (3, 11), "armv6l", 32, "Pi Zero 2 W"),
    ],
)
def test_each_interpreter_gets_its_own_command(
    backend: str, python: tuple[int, int], machine: str, bits: int, words: str
) -> None:
    assert words in backend_advice(backend, Machine(python, machine, bits))
