"""Damaged and odd files for one reader after another: fuzz.py READER SEED COUNT.

READER is a key of READERS. Prints how many were accepted and how many refused, as JSON, and in "failed" what else came
out, by kind, which must be nothing. Runs with MEMORY beyond what it has when it starts, so a reader that believes a
claim of gigabytes fails. The same numbers make the same files.
"""

import contextlib
import copy
import gzip
import io
import json
import random
import resource
import struct
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from damage import DAMAGES, flip

from fmnist_benchmarks.measure.subject import precision
from fmnist_deploy import bundle
from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.device import verification
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model import catalogue, golden, label_files, model_file, shipped
from fmnist_runtime.sources import image_files

MEMORY = 400 * 2**20
MODEL = shipped.MODELS_FOLDER / shipped.SHIPPED["cnn-nano"]
GOLDEN = shipped.golden_path("cnn-nano")

DEEP: Any = []
for _ in range(200):
    DEEP = [DEEP]
NUMBERS: tuple[Any, ...] = (0, 1, -1, 2, 0.5, 255, 65536, 2**31, 2**63, 10**400, -(10**400), 1e308, 1e-320, -0.0)
TEXTS = ("", "x", "\x1b[31m", "\u202e", "\0", "a" * 2000, "0" * 64, "9" * 70, "0:1 2", "0:99999", "99:0", "-1:0")
VALUES: tuple[Any, ...] = (*NUMBERS, *TEXTS, None, True, False, [], {}, [[]], [None], {"a": 1}, DEEP, float("nan"))
VALUES += (float("inf"), [0], [1, 1], [0, 10**400], ["0", "1"], [{}], [0, float("nan")])
ARRAYS: tuple[Callable[[], Any], ...] = (
    lambda: np.zeros(()),
    lambda: np.zeros(0, np.uint16),
    lambda: np.zeros((100, 28, 27), np.uint8),
    lambda: np.zeros((3, 28, 28), np.uint8),
    lambda: np.zeros((100, 28, 28)),
    lambda: np.zeros((1,) * 30, np.uint8),
    lambda: np.full(100, 60_000, np.uint16),
    lambda: np.full(100, -1, np.int32),
    lambda: np.full(100, 10_000, np.int32),
    lambda: np.full((100, 10), np.nan, np.float32),
    lambda: np.full((100, 10), np.inf, np.float32),
    lambda: np.zeros((100, 0), np.float32),
    lambda: np.zeros((100, 3), np.float32),
    lambda: np.zeros((100, 2, 10), np.float32),
    lambda: np.array("x"),
    lambda: np.array("\x1b" * 64),
    lambda: np.array([{}], object),
    lambda: np.zeros(100, [("a", np.uint8), ("b", np.float64)]),
    lambda: np.zeros(100, "datetime64[s]"),
    lambda: np.zeros(100, ">u2"),
    lambda: np.zeros(100, "V5"),
)


def _damaged(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    (rng.choice(DAMAGES) if len(content) > 40 else flip)(changed, rng)
    return bytes(changed)


def _npy(header: bytes, content: bytes = bytes(784), version: bytes = b"\1\0") -> bytes:
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(header) + 1)
    return b"\x93NUMPY" + version + length + header + b"\n" + content


def _odd_npy(rng: random.Random) -> bytes:
    """A header that claims something odd, or an array of an odd kind."""
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        np.save(buffer, rng.choice(ARRAYS)(), allow_pickle=True)
        return buffer.getvalue()
    sides = ["0", "1", "2", "28", "-1", "-28", str(2**31), str(2**62), str(10**30), "9" * 5000, "True", "None", "2.5"]
    shape = rng.choice(["(28, 28)", "(1, 28, 28)", "()", "28", "[28, 28]", "(28, 28", "(" * 300, "-" * 9000 + "1"])
    if rng.random() < 0.6:
        shape = "(" + "".join(f"{rng.choice(sides)}, " for _ in range(rng.choice((1, 2, 3, 5, 33, 65)))) + ")"
    types = ["'|u1'", "'<f8'", "'|O'", "'|S0'", "'<U9'", "[('a', '|u1')]", "[]", "'|u1, |u1'", "None", "'V2147483647'"]
    kind = rng.choice(types) if rng.random() < 0.3 else "'|u1'"
    order = rng.choice(["False", "True", "3", "None"])
    header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}"
    version = rng.choice((b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\4\0", b"\xff\xff"))
    return _npy(header.encode(), bytes(rng.choice((0, 784, 784 * 3))), version)


def _odd_idx(rng: random.Random) -> bytes:
    rank = rng.choice((0, 1, 2, 3, 3, 3, 4, 5, 33, 65, 255))
    sides = [rng.choice((0, 1, 2, 28, 28, 784, 2**16, 2**31, 2**32 - 1)) for _ in range(rank)]
    if rng.random() < 0.2:
        rank, sides = 3, [rng.choice((1, 2)), 28, 28]
    content = b"\0\0\x08" + bytes([rank]) + struct.pack(f">{rank}I", *sides) + bytes(rng.choice((0, 1, 784, 1568)))
    if rng.random() < 0.3:
        content = gzip.compress(content)
        if rng.random() < 0.5:
            return _damaged(content, rng)
    return content


def _saved(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _odd_golden(rng: random.Random) -> bytes:
    """The golden file with damaged bytes, or a sound ZIP in which a member is odd."""
    if rng.random() < 0.5:
        return _damaged(GOLDEN.read_bytes(), rng)
    with zipfile.ZipFile(GOLDEN) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    place = rng.randrange(len(members))
    name, content = members[place]
    actions = ("array", "array", "bytes", "header", "missing", "twice", "packed")
    action = "bomb" if rng.random() < 0.05 else rng.choice(actions)
    packed = zipfile.ZIP_DEFLATED
    if action == "array":
        members[place] = name, _saved(rng.choice(ARRAYS)())
    elif action == "bytes":
        members[place] = name, _damaged(content, rng)
    elif action == "header":
        members[place] = name, _odd_npy(rng)
    elif action == "bomb":
        members[place] = name, content + bytes(golden.MAXIMUM_BYTES)
    elif action == "missing":
        del members[place]
    elif action == "twice":
        members.append(members[place])
    else:
        packed = rng.choice((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, content in members:
            archive.writestr(name, content)
    return _with_odd_entry(buffer.getvalue(), rng) if action == "array" and rng.random() < 0.3 else buffer.getvalue()


def _with_odd_entry(content: bytes, rng: random.Random) -> bytes:
    """Another number in an entry of the ZIP's directory: method, flags, sizes, places."""
    changed = bytearray(content)
    entry = changed.index(b"PK\1\2")
    offset, layout = rng.choice(((8, "<H"), (10, "<H"), (16, "<I"), (20, "<I"), (24, "<I"), (28, "<H"), (42, "<I")))
    struct.pack_into(
        layout, changed, entry + offset, rng.choice((0, 1, 2, 9, 255, 2 ** (8 * struct.calcsize(layout)) - 1))
    )
    return bytes(changed)


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in ((*place, key), *_places(item, (*place, key)))]


def _odd_description(rng: random.Random) -> bytes:
    """A model file with odd values in its description, sound otherwise."""
    file = model_file.read(MODEL)
    assert file.labels is not None
    assert file.description is not None
    description = copy.deepcopy(file.description)
    for proof in description["proofs"]:
        # As many as are asked here: verification refuses another data set than that of the proof.
        proof["images"] = len(_GOLDEN.images)
    for _ in range(rng.choice((1, 1, 1, 2))):
        # What a digest stands for is tried elsewhere; here all of them are right.
        places = [place for place in _places(description) if place[0] not in ("schema", "flatbuffer", "labels_sha256")]
        *parents, key = rng.choice(places)
        holder = description
        for parent in parents:
            holder = holder[parent]
        if rng.random() < 0.1:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(rng.choice(VALUES))
    return model_file.pack(file.flatbuffer, file.labels, description)


def _odd_labels(rng: random.Random) -> bytes:
    names = [f"{number} name {number}" if rng.random() < 0.5 else f"name {number}" for number in range(10)]
    for _ in range(rng.randrange(3)):
        names[rng.randrange(10)] = rng.choice(
            (*TEXTS, "name 1", "\x85", " x ", "\ud800", "٣ x", "1", "1:", "²", "\ufeff")
        )
    text = rng.choice(("\n", "\r\n", "\r", "\n\n", "\u2028")).join(names) + rng.choice(("", "\n", "\n\n", "\0", "  \n"))
    encoding = rng.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"))
    content = text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")
    return _damaged(content + b"name", rng) if rng.random() < 0.4 and len(content) > 20 else content


def read_golden(path: Path) -> None:
    """Read and used as `fmnist-verify` does."""
    found = golden.read(path)
    assert found.images.shape == (len(found.expected), 28, 28)
    assert found.probabilities.shape[0] == len(found.indices) == len(found.images)
    assert np.isfinite(found.probabilities).all()
    verification.verify_golden(_classifier(), found, "here")


def read_description(path: Path) -> None:
    """Read and used as every command does."""
    model = path.with_name(MODEL.name)
    path.rename(model)
    shipped.MODELS_FOLDER = path.parent
    file = model_file.read(model)
    precision(file)
    test = Split(_GOLDEN.images, _GOLDEN.expected.astype(np.uint8))
    uses: tuple[Callable[[], object], ...] = (
        lambda: catalogue._shipped_model("cnn-nano"),
        lambda: bundle.read_models([model]),
    )
    for use in uses:
        with contextlib.suppress(FmnistError):
            use()
    with Classifier(model) as classifier:
        assert np.isfinite(classifier.probabilities(_GOLDEN.images[0])).all()
        verification.verify_golden(classifier, _GOLDEN, "here")
        verification.verify_data(classifier, test, None, "here")


def read_images(path: Path) -> None:
    for indices in ((), (0,), (1,)):
        for image in image_files.read_images(path, indices):
            assert image.pixels.shape == (28, 28)
            assert image.pixels.dtype == np.uint8


def read_labels(path: Path) -> None:
    names = label_files.read(path)
    assert names
    assert len(set(names)) == len(names)
    assert all(name.isprintable() and name == name.strip() and name for name in names)


_GOLDEN = golden.read(GOLDEN)
_KEPT: list[Classifier] = []


def _classifier() -> Classifier:
    if not _KEPT:
        _KEPT.append(Classifier(MODEL))
    return _KEPT[0]


def _sound_stack(rng: random.Random) -> bytes:
    array = np.arange(3 * 784, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)
    return _damaged(_saved(np.asfortranarray(array) if rng.random() < 0.3 else array), rng)


READERS: dict[str, tuple[Callable[[random.Random], bytes], Callable[[Path], None]]] = {
    "golden": (_odd_golden, read_golden),
    "description": (_odd_description, read_description),
    "idx": (_odd_idx, read_images),
    "npy": (lambda rng: rng.choice((_odd_npy, _sound_stack))(rng), read_images),
    "labels": (_odd_labels, read_labels),
}


def main(reader: str, seed: int, count: int) -> None:
    make, read = READERS[reader]
    _classifier().index(_GOLDEN.images[0])
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    found: Counter[str] = Counter(accepted=0, refused=0)
    failed: Counter[str] = Counter()
    for number in range(seed, seed + count):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "cnn-nano-golden.npz" if reader == "golden" else "x")
            path.write_bytes(make(random.Random(number)))
            if reader == "description":
                path.with_name(GOLDEN.name).write_bytes(GOLDEN.read_bytes())
            try:
                read(path)
                found["accepted"] += 1
            except FmnistError as error:
                if "\n" in str(error) or len(str(error)) > 1000:
                    failed[f"no single line: {str(error)[:60]!r} ({number})"] += 1
                found["refused"] += 1
            except Exception as error:
                failed[f"{type(error).__name__}: {str(error)[:60]} ({number})"] += 1
    print(json.dumps({**found, "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
