"""Damage to checkpoints as disks, other versions and people do it. `python checkpoint_damage.py SEED COUNT` tries many.

Each function takes the content of a file and returns the damaged content.
"""

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

Damage = Callable[[bytes, random.Random], bytes]


def flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 8, 64))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def drop(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randrange(1, 200) :]


def blank(content: bytes, rng: random.Random) -> bytes:
    start, length = rng.randrange(len(content)), rng.randrange(1, 4096)
    return content[:start] + bytes(length) + content[start + length :]


def append(content: bytes, rng: random.Random) -> bytes:
    return content + rng.randbytes(rng.randrange(1, 100))


def other(content: bytes, rng: random.Random) -> bytes:
    return rng.choice((b"", b"null", b"[]", b"3", b"{}", b"[" * 100_000, b'"x"', b"\xff\xfe{", rng.randbytes(500)))


VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 3, 10**400, 1e308, float("nan"), float("inf"), "", "x", "../../etc/passwd", "\ud800", [], [1],
    {}, {"a": 1}, [[]], ["x"], "mlp", "checkpoint-99.keras",
)  # fmt: skip


def edit(content: bytes, rng: random.Random) -> bytes:
    """Change, remove or add one value of the record, at any depth."""
    record = json.loads(content)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(record)
    node, key = rng.choice(places)
    way = rng.randrange(3)
    if way == 0:
        node[key] = rng.choice(VALUES)
    elif way == 1:
        del node[key]
    elif isinstance(node, dict):
        node[f"{key}_of_a_newer_version"] = rng.choice(VALUES)
    else:
        node.append(rng.choice(VALUES))
    return json.dumps(record).encode()


def edit_knowingly(content: bytes, rng: random.Random) -> bytes:
    """Edit the record and write its new digest into it, where it has one."""
    record = json.loads(edit(content, rng))
    if isinstance(record, dict) and "sha256" in record:
        from fmnist_train.training import checkpoint_record

        record.pop("sha256")
        record["sha256"] = checkpoint_record._digest(record)
    return json.dumps(record).encode()


OF_THE_RECORD: tuple[Damage, ...] = (flip, cut, drop, blank, append, other, edit, edit, edit_knowingly, edit_knowingly)
OF_THE_MODEL: tuple[Damage, ...] = (flip, cut, drop, blank, append, other)


def damaged(folder: Path, pristine: dict[str, bytes], seed: int) -> str:
    """Write the checkpoint `pristine` to `folder` with one damage, drawn by `seed`. Returns the file and the damage."""
    rng = random.Random(seed)
    names = ["checkpoint.json", next(name for name in pristine if name.endswith(".keras"))]
    name = rng.choice(names)
    damage = rng.choice(OF_THE_RECORD if name == "checkpoint.json" else OF_THE_MODEL)
    for one, content in pristine.items():
        (folder / one).write_bytes(damage(content, rng) if one == name else content)
    return f"{name}: {damage.__name__}"


def main() -> None:
    """Count how the reader answers COUNT damages from SEED on: refused in one line, accepted, or a traceback."""
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    import os

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from dataclasses import asdict

    from fmnist_runtime.errors import FmnistError
    from fmnist_train.models.settings import TrainingSettings
    from fmnist_train.training import checkpoints

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pristine, load = _pristine(folder, checkpoints, TrainingSettings())
        outcomes: Counter[str] = Counter()
        longest = 0.0
        for one in range(seed, seed + count):
            what = damaged(folder, pristine, one)
            started = time.monotonic()
            try:
                _, progress = load()
                same = asdict(progress) == {"history": {"loss": [0.5]}, "seconds": [1.5]}
                outcome = "accepted, unchanged" if same else "accepted, with another history"
            except FmnistError as error:
                outcome = "one line" if "\n" not in str(error) else "several lines"
            except BaseException as error:
                outcome = f"traceback {type(error).__name__}"
                print(one, what, outcome)
            longest = max(longest, time.monotonic() - started)
            outcomes[outcome] += 1
    print(dict(outcomes), f"longest {longest:.2f} s")


def _pristine(folder: Path, settings: Any) -> tuple[dict[str, bytes], Callable[[], Any]]:
    """The files of a sound checkpoint in `folder`, and the function that reads it."""
    import keras

    from fmnist_train.training import checkpoints
    from fmnist_train.training.checkpoint_record import Progress

    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    checkpoints.save(folder, model, settings, {}, Progress({"loss": [0.5]}, [1.5]))
    pristine = {path.name: path.read_bytes() for path in folder.iterdir()}
    return pristine, lambda: checkpoints.load(folder, settings, {})


if __name__ == "__main__":
    main()
