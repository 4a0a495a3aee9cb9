"""Keras's .keras files: written beside their place first, read back with the classes of a person's own builder."""

import contextlib
import os
import tempfile
import types
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from fmnist_keras import comparison
from fmnist_keras.messages import one_line
from fmnist_runtime.commandline import quiet_stderr
from fmnist_runtime.errors import TrainingError

# A network with its optimizer that trains on a CPU has less than a tenth of this.
MOST_BYTES = 4 << 30
_SUFFIX = ".part.keras"


@contextlib.contextmanager
def written(model: keras.Model, path: Path) -> Iterator[Path]:
    """`model` in a file of a name of its own beside `path`, which is there as long as the context.

    Raises TrainingError where Keras cannot write it.
    """
    # Keras wants a name that ends in .keras.
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written ({error.strerror}); choose another folder with -o") from error
    os.close(descriptor)
    temporary = Path(name)
    try:
        try:
            model.save(temporary)
        except OSError as error:
            raise TrainingError(f"{path}: cannot be written ({error}); choose another folder with -o") from error
        except Exception as error:  # what a layer of one's own raises of its configuration
            raise TrainingError(
                f"{model.name}: Keras cannot save it ({one_line(error)}); give its layers a get_config that holds all "
                f"that they need"
            ) from error
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path, objects: Mapping[str, Any] | None = None, *, compiled: bool = True) -> keras.Model:
    """The model in the .keras file `path`, with its optimizer unless not `compiled`.

    `objects` are the classes and functions of a person's own builder by name, and None for a file of somebody else's:
    no code that the file brings along is run then. Raises TrainingError for what is no such model, and for more than
    4 GiB of it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MOST_BYTES:
            raise ValueError(f"it holds {size:,} bytes, expected {MOST_BYTES:,} at most")
        with quiet_stderr():
            model = keras.models.load_model(path, dict(objects or {}), compile=compiled, safe_mode=objects is None)
    except Exception as error:  # keras raises whatever its layers, h5py or zipfile raise
        raise TrainingError(f"{path}: not a model that Keras can load ({one_line(error)})") from error
    if not isinstance(model, keras.Model):
        raise TrainingError(f"{path}: holds a {type(model).__name__}, expected a Keras model")
    return model


def objects_of(model: keras.Model, module: types.ModuleType | None = None) -> dict[str, Any]:
    """The classes and functions that are not Keras's own, by name: of `module`, and of what `model` is made of."""
    found = {} if module is None else {name: one for name, one in vars(module).items() if _is_own(one)}
    for part in model._flatten_layers():
        found |= {one.__name__: one for one in (type(part), *_values(part)) if _is_own(one)}
    return found


def own_classes(model: keras.Model) -> list[str]:
    """The names of the classes of `model`'s layers that Keras does not have."""
    return sorted({type(part).__name__ for part in model._flatten_layers() if _is_own(type(part))})


def check_round_trip(model: keras.Model, objects: Mapping[str, Any]) -> None:
    """Raise ModelCopyError unless `model` is the same after it was saved and loaded, and TrainingError as those do."""
    with tempfile.TemporaryDirectory() as folder, written(model, Path(folder) / "model.keras") as path:
        comparison.check_same(model, read(path, objects, compiled=False), "the copy read from its file")


def _is_own(one: Any) -> bool:
    if not isinstance(one, type | types.FunctionType):
        return False
    root = str(getattr(one, "__module__", "")).split(".")[0]
    return root not in ("keras", "tensorflow", "numpy", "builtins", "fmnist_train") and one.__name__ != "<lambda>"


def _values(part: Any) -> list[Any]:
    try:
        return list(vars(part).values())
    except TypeError:
        return []
