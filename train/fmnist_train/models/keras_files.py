"""Writing and reading .keras files: to a temporary file first, and with the classes of a person's own builder."""

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

# A network that trains on a CPU has, with its optimizer, less than a tenth of this.
MOST_BYTES = 4 << 30
_SUFFIX = ".part.keras"


@contextlib.contextmanager
def temporary_file(model: keras.Model, path: Path) -> Iterator[Path]:
    """Write `model` to a temporary file beside `path`, and remove that at the end of the context.

    Raises TrainingError where Keras cannot write it.
    """
    # Keras demands a name that ends in .keras.
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
        except Exception as error:  # a person's own layer raises anything in get_config
            raise TrainingError(
                f"{model.name}: Keras cannot save it ({one_line(error)}); give its layers a get_config that holds all "
                f"that they need"
            ) from error
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path, objects: Mapping[str, Any] | None = None, *, compiled: bool = True) -> keras.Model:
    """The model in the .keras file `path`, with its optimizer if `compiled`.

    `objects` are the classes and functions of a person's own builder by name. With None, for a file of unknown origin,
    no code inside the file is run. Raises TrainingError for anything but a Keras model, and for more than 4 GiB.
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


def custom_objects(model: keras.Model, module: types.ModuleType | None = None) -> dict[str, Any]:
    """The classes and functions that are not Keras's own, by name: those of `module` and those that `model` uses."""
    found = {} if module is None else {name: value for name, value in vars(module).items() if _is_custom(value)}
    for part in model._flatten_layers():
        found |= {value.__name__: value for value in (type(part), *_attributes(part)) if _is_custom(value)}
    return found


def custom_classes(model: keras.Model) -> list[str]:
    """The names of the layer classes of `model` that are not Keras's own."""
    return sorted({type(part).__name__ for part in model._flatten_layers() if _is_custom(type(part))})


def check_round_trip(model: keras.Model, objects: Mapping[str, Any]) -> None:
    """Raise ModelCopyError unless `model` is the same after it was saved and loaded, and TrainingError as those do."""
    with tempfile.TemporaryDirectory() as folder, temporary_file(model, Path(folder) / "model.keras") as path:
        comparison.check_same(model, read(path, objects, compiled=False), "the copy read from its file")


def _is_custom(value: Any) -> bool:
    if not isinstance(value, type | types.FunctionType):
        return False
    root = str(getattr(value, "__module__", "")).split(".")[0]
    return root not in ("keras", "tensorflow", "numpy", "builtins", "fmnist_train") and value.__name__ != "<lambda>"


def _attributes(part: Any) -> list[Any]:
    try:
        return list(vars(part).values())
    except TypeError:
        return []
