"""Keras as training and export need it: on TensorFlow, in float32, channels last, without limits for debugging.

Other settings in a person's environment or in ~/.keras/keras.json are for that person's other programs. With them, the
same command and seed would give a different model here than elsewhere. So they are overridden, with a message.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmnist_keras.messages import one_line
from fmnist_runtime.commandline import quiet_stderr
from fmnist_runtime.errors import KerasUnavailableError

_BACKEND = "KERAS_BACKEND"
_OURS = "tensorflow"
# Keras's own defaults; keras.config has a function of each name, and one with set_ in front.
_DEFAULTS: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}
_SETTERS = {name: f"set_{name}" for name in _DEFAULTS}
# keras.json holds five short entries.
_MOST_BYTES = 1 << 16


def home() -> Path:
    """Keras's own folder: ~/.keras, or KERAS_HOME."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def load(say: Callable[[str], None]) -> None:
    """Import tensorflow and keras with the settings of fmnist-edge; `say` gets a line for each overridden setting.

    Call it before anything else imports keras. Raises KerasUnavailableError where one of them cannot be imported, or
    where keras already runs on another backend.
    """
    _choose_backend(say)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet_stderr():
            import keras
            import tensorflow  # noqa: F401
    except ImportError as error:
        raise KerasUnavailableError(
            f"tensorflow cannot be imported ({one_line(error)}); run: pip install 'fmnist-edge[train]'"
        ) from error
    except Exception as error:  # Keras reads keras.json and its variables at import, and raises anything
        raise KerasUnavailableError(
            f"keras cannot be imported ({one_line(error)}); mend or remove {home() / 'keras.json'} and the variables "
            f"KERAS_... of the environment"
        ) from error
    if keras.backend.backend() != _OURS:
        raise KerasUnavailableError(
            f"keras runs on {keras.backend.backend()}, expected {_OURS}; set {_BACKEND}={_OURS}"
        )
    for name, ours in _DEFAULTS.items():
        found = getattr(keras.config, name)()
        if found != ours:
            getattr(keras.config, _SETTERS[name])(ours)
            say(f"Keras is set to {name} {found} (keras.json or environment): fmnist-edge uses {ours}")
    # Otherwise the policy would stay that of the overridden floatx.
    keras.config.set_dtype_policy(_DEFAULTS["floatx"])


@contextmanager
def settings_restored() -> Iterator[None]:
    """Restore Keras's global settings and the working folder at the end of the context."""
    import keras

    names = [name for name in _DEFAULTS if hasattr(keras.config, name)]
    before = {name: getattr(keras.config, name)() for name in names}
    policy, folder = keras.config.dtype_policy(), Path.cwd()
    try:
        yield
    finally:
        for name, value in before.items():
            getattr(keras.config, _SETTERS[name])(value)
        keras.config.set_dtype_policy(policy)
        os.chdir(folder)


def _choose_backend(say: Callable[[str], None]) -> None:
    stated, where = os.environ.get(_BACKEND), f"{_BACKEND}={os.environ.get(_BACKEND)} is set"
    if not stated:
        stated, where = _configured(), f"{home() / 'keras.json'} names another backend"
    if stated and stated != _OURS:
        say(f"{where}: fmnist-edge needs {_OURS}, and uses that")
    os.environ[_BACKEND] = _OURS


def _configured() -> str | None:
    """The backend in keras.json; None where it names none or cannot be read, which Keras reports itself."""
    try:
        with (home() / "keras.json").open("rb") as file:
            document = json.loads(file.read(_MOST_BYTES))
        return str(document["backend"])
    except Exception:  # the file may hold anything: Keras reads it next, and its message is passed on
        return None
