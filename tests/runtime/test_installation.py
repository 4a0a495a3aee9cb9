import pytest

from fmnist_runtime.installation import fix_for


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
def test_each_machine_gets_its_own_way_out(python: tuple[int, int], machine: str, bits: int, words: str) -> None:
    assert words in fix_for(python, machine, bits)
