"""Measure which operators and versions a TFLite runtime accepts: the table export/fmnist_export/targets.json.

    .venv/bin/python scripts/measure_targets.py [NAME ...] >table.json

For each runtime named (all of RUNTIMES by default) an environment is made with pip, on the newest CPython that it has a
wheel for. A runtime looks up every operator code that a file lists before it looks at anything else, so a model of no
layers that lists one operator in one version is refused exactly when the runtime does not have that version.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import flatbuffers

from fmnist_runtime.operators import CUSTOM, operator_name

RUNTIMES = {
    "tflite-runtime-2.9": ("tflite-runtime==2.9.1", "numpy<1.24", ("3.9", "3.8")),
    "tflite-runtime-2.13": ("tflite-runtime==2.13.0", "numpy<2", ("3.10", "3.9")),
    "tflite-runtime-2.14": ("tflite-runtime==2.14.0", "numpy<2", ("3.11", "3.10")),
    "litert-1.0": ("ai-edge-litert==1.0.1", "numpy<2", ("3.11",)),
    "litert-1.4": ("ai-edge-litert==1.4.0", "numpy<2", ("3.11",)),
    "litert-2.1": ("ai-edge-litert==2.1.6", "numpy", ("3.11",)),
    "litert-2.3": ("ai-edge-litert==2.3.0", "numpy", ("3.11",)),
}
OPERATORS = range(209)
VERSIONS = range(1, 21)

PROBE = """
import json, pathlib, sys
try:
    from tflite_runtime.interpreter import Interpreter
except ImportError:
    from ai_edge_litert.interpreter import Interpreter
folder = pathlib.Path(sys.argv[1])
def accepted(path):
    try:
        Interpreter(model_content=path.read_bytes())
    except ValueError as error:
        if not any(words in str(error) for words in ("Didn't find op", "out of range")):
            raise
        return False
    return True
print(json.dumps([path.name for path in sorted(folder.iterdir()) if accepted(path)]))
"""


def probe(code: int, version: int) -> bytes:
    """A TFLite file without a layer whose only operator code is `code` in `version`, by the slots of schema.fbs."""
    builder = flatbuffers.Builder(256)
    builder.StartObject(4)
    builder.PrependInt8Slot(0, min(code, 127), 0)
    builder.PrependInt32Slot(2, version, 1)
    builder.PrependInt32Slot(3, code, 0)
    codes = _vector(builder, builder.EndObject())
    builder.StartVector(4, 0, 4)
    nothing = builder.EndVector()
    builder.StartObject(5)
    for slot in range(4):
        builder.PrependUOffsetTRelativeSlot(slot, nothing, 0)
    subgraphs = _vector(builder, builder.EndObject())
    builder.StartObject(1)
    buffers = _vector(builder, builder.EndObject())
    builder.StartObject(5)
    builder.PrependUint32Slot(0, 3, 0)
    builder.PrependUOffsetTRelativeSlot(1, codes, 0)
    builder.PrependUOffsetTRelativeSlot(2, subgraphs, 0)
    builder.PrependUOffsetTRelativeSlot(4, buffers, 0)
    builder.Finish(builder.EndObject(), b"TFL3")
    return bytes(builder.Output())


def _vector(builder: flatbuffers.Builder, offset: int) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def environment(name: str, folder: Path) -> Path:
    """The Python of a new environment in `folder` that holds the runtime `name`."""
    package, numpy, pythons = RUNTIMES[name]
    for version in pythons:
        candidates = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"{version}.*"))
        python = str(candidates[-1] / "bin" / "python") if candidates else shutil.which(f"python{version}")
        if python is None:
            continue
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        result = subprocess.run([folder / "bin" / "pip", "install", "-q", package, numpy], stdout=sys.stderr, check=False)
        if result.returncode == 0:
            return folder / "bin" / "python"
    raise SystemExit(f"{name}: no Python of {pythons} here can install {package}")


def measure(name: str, probes: Path) -> dict[str, int]:
    """The highest version of each operator that the runtime `name` accepts, sorted by operator."""
    with tempfile.TemporaryDirectory() as folder:
        python = environment(name, Path(folder, "environment"))
        output = subprocess.run([python, "-c", PROBE, probes], stdout=subprocess.PIPE, text=True, check=True).stdout
    highest: dict[str, int] = {}
    for entry in json.loads(output):
        code, version = map(int, entry.split("-"))
        highest[operator_name(code)] = max(version, highest.get(operator_name(code), 0))
    return dict(sorted(highest.items()))


def main() -> None:
    """Print the tables of the runtimes named as arguments, or of all, as one JSON document."""
    with tempfile.TemporaryDirectory() as folder:
        for code in OPERATORS:
            for version in VERSIONS if code != CUSTOM else ():
                Path(folder, f"{code:03}-{version:02}").write_bytes(probe(code, version))
        tables = {}
        for name in sys.argv[1:] or RUNTIMES:
            print(name, file=sys.stderr)
            tables[name] = {"package": RUNTIMES[name][0], "operators": measure(name, Path(folder))}
    print(json.dumps(tables, indent=1))


if __name__ == "__main__":
    main()
