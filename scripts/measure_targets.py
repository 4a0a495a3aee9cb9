"""Measure which operators and versions a TFLite runtime accepts: the table export/fmnist_export/prove/targets.json.

    .venv/bin/python scripts/measure_targets.py >export/fmnist_export/prove/targets.json

For each runtime named as an argument (all of RUNTIMES by default) an environment is made with pip, on the first CPython
of its list that is here. A runtime looks up every operator code that a file lists before it looks at anything else, so
a model of no layers that lists one operator in one version is refused exactly when the runtime does not have it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import flatbuffers

from fmnist_runtime.flatbuffer.schema import CUSTOM, operator_name

# name: backend, pip's requirements, the CPythons with a wheel, whether a scale for each output of a Dense layer is
# honoured (docs/measurements.md, trap 4: 2.9 loads such a file and answers wrongly), whether "--target all" takes it.
RUNTIMES: dict[str, tuple[str, list[str], list[str], bool, bool]] = {
    "tflite-runtime-2.9": ("tflite-runtime", ["tflite-runtime==2.9.1", "numpy<1.24"], ["3.9", "3.8"], False, False),
    "tflite-runtime-2.13": ("tflite-runtime", ["tflite-runtime==2.13.0", "numpy<2"], ["3.10", "3.9"], True, False),
    "tflite-runtime-2.14": ("tflite-runtime", ["tflite-runtime==2.14.0", "numpy<2"], ["3.11", "3.10"], True, True),
    "litert-1.0": ("litert", ["ai-edge-litert==1.0.1", "numpy<2"], ["3.11", "3.10"], True, False),
    "litert-1.4": ("litert", ["ai-edge-litert==1.4.0", "numpy<2"], ["3.11", "3.10", "3.12"], True, False),
    "litert-2.1": ("litert", ["ai-edge-litert==2.1.6", "numpy"], ["3.11", "3.10", "3.12", "3.13"], True, False),
    "litert-2.3": ("litert", ["ai-edge-litert==2.3.0", "numpy"], ["3.11", "3.10", "3.12", "3.13"], True, True),
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
    _, requirements, pythons, *_ = RUNTIMES[name]
    for version in pythons:
        candidates = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"{version}.*"))
        python = str(candidates[-1] / "bin" / "python") if candidates else shutil.which(f"python{version}")
        if python is None:
            continue
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "-q", *requirements]
        if subprocess.run(pip, stdout=sys.stderr, check=False).returncode == 0:
            return folder / "bin" / "python"
    raise SystemExit(f"{name}: no Python of {pythons} here can install {requirements}")


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


def _entry(name: str, operators: dict[str, int]) -> dict[str, object]:
    runtime, requirements, pythons, per_channel_dense, current = RUNTIMES[name]
    return {
        "runtime": runtime,
        "version": name.rpartition("-")[2],
        "requirements": requirements,
        "pythons": pythons,
        "per_channel_dense": per_channel_dense,
        "current": current,
        "operators": operators,
    }


def text(tables: dict[str, dict[str, object]]) -> str:
    """The tables as JSON with one line a field, so that a new runtime is a few lines of a diff and not hundreds."""
    entries = []
    for name, entry in tables.items():
        fields = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items())
        entries.append(f" {json.dumps(name)}: {{\n{fields}\n }}")
    return "{\n" + ",\n".join(entries) + "\n}"


def main() -> None:
    """Print the tables of the runtimes named as arguments, or of all, as one JSON document."""
    with tempfile.TemporaryDirectory() as folder:
        for code in OPERATORS:
            for version in VERSIONS if code != CUSTOM else ():
                Path(folder, f"{code:03}-{version:02}").write_bytes(probe(code, version))
        tables = {}
        for name in sys.argv[1:] or RUNTIMES:
            print(name, file=sys.stderr)
            tables[name] = _entry(name, measure(name, Path(folder)))
    print(text(tables))


if __name__ == "__main__":
    main()
