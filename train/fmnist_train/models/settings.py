"""The settings of one training, and the default settings of each model that fmnist-train knows. Imports no Keras."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

SCHEDULES = ("cosine", "one-cycle", "constant")


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides the weights: equal settings and data give the same model on one machine.

    `schedule` is "constant", as in the tutorial; "cosine": the learning rate falls to 0 along half a cosine, which ends
    the tutorial's 5 epochs at a higher accuracy that depends less on the seed; or "one-cycle": the same after a linear
    rise over the first fifth of the steps (Smith and Topin 2017, arXiv:1708.07120).

    `flip`, `shift` and `erase` change the training images (see augmentation.py): the share of images that are mirrored,
    the most pixels by which an image is moved, and the share of images in which a rectangle is erased.

    `teacher` holds the paths of trained .keras models. The mean of their predictions is `teacher_weight` of the target,
    the labels are the rest (Hinton et al. 2015, arXiv:1503.02531).

    `start` is the path of a trained .keras model of the same architecture, with whose weights the training begins.

    With `mirror` the trained model looks at each image and at its mirror image (see mirroring.py).
    """

    model: str = "mlp"
    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 0.001
    schedule: str = "cosine"
    validation: int = 4000
    seed: int = 1
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    flip: float = 0.0
    shift: int = 0
    erase: float = 0.0
    teacher: tuple[str, ...] = ()
    teacher_weight: float = 0.5
    start: str = ""
    mirror: bool = False

    @property
    def has_soft_targets(self) -> bool:
        """Whether the target of an image is ten probabilities instead of one label."""
        return bool(self.label_smoothing or self.teacher)

    @property
    def loss(self) -> str:
        """The loss, by Keras's name."""
        return "categorical_crossentropy" if self.has_soft_targets else "sparse_categorical_crossentropy"

    @property
    def mirror_lacks_flips(self) -> bool:
        """Whether the model would look at mirror images but is trained on one side of the garments only."""
        return self.mirror and self.flip in (0, 1)

    def files(self) -> tuple[str, ...]:
        """The files that decide the weights besides the data: the builder, the teachers, the first weights."""
        builder = self.model.rpartition(":")[0]
        return tuple(path for path in (builder, *self.teacher, self.start) if path)

    def arguments(self) -> list[str]:
        """The options of fmnist-train that give these settings, as a list of words."""
        words: list[str] = []
        for name, value in asdict(self).items():
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                words += [option] * value
            elif value != "" and (name != "teacher_weight" or self.teacher):
                for item in value if isinstance(value, tuple) else (value,):
                    words += [option, str(item)]
        return words

    def options(self) -> str:
        """The same options as text for a shell, with quotes where a word needs them."""
        return shlex.join(self.arguments())


# 1,000 held-out images are enough to see that a training goes well.
_CNN = TrainingSettings(
    batch_size=128,
    learning_rate=0.004,
    schedule="one-cycle",
    validation=1000,
    weight_decay=0.02,
    flip=0.5,
    shift=1,
    teacher_weight=0.7,
)

# docs/models.md says how they were chosen.
DEFAULTS: dict[str, TrainingSettings] = {
    "mlp": TrainingSettings(),
    "cnn-nano": replace(_CNN, model="cnn-nano", epochs=60, weight_decay=0.005),
    "cnn-micro": replace(_CNN, model="cnn-micro", epochs=50, erase=0.15),
    "cnn-small": replace(_CNN, model="cnn-small", epochs=45, erase=0.25),
    "cnn-large": replace(_CNN, model="cnn-large", epochs=32, shift=2, erase=0.2),
    "first-teacher": replace(_CNN, model="first-teacher", epochs=30, shift=2, erase=0.3),
}


def settings_for(model: str, **changes: Any) -> TrainingSettings:
    """The default settings of `model`, changed by `changes` that are not None; the tutorial's for another."""
    known = {field.name for field in fields(TrainingSettings)}
    given = {name: value for name, value in changes.items() if value is not None and name in known}
    return replace(DEFAULTS.get(model, TrainingSettings()), model=model, **given)


def from_document(document: Mapping[str, Any]) -> TrainingSettings:
    """The settings from the JSON of `asdict`. Raises ValueError for an unknown or missing key and for a wrong value."""
    known = {field.name: field.default for field in fields(TrainingSettings)}
    for name, value in document.items():
        if name not in known:
            raise ValueError(f"settings have the unknown key {name!r}, of a newer fmnist-edge")
        if not _fits(value, known[name]):
            raise ValueError(f"{name} is {str(value)[:40]!r}")
    if missing := sorted(known.keys() - document.keys()):
        raise ValueError(f"settings lack {missing[0]}")
    settings = TrainingSettings(**{**document, "teacher": tuple(document["teacher"])})
    if min(settings.epochs, settings.batch_size) < 1 or settings.schedule not in SCHEDULES:
        raise ValueError(f"epochs {settings.epochs}, batch size {settings.batch_size}, schedule {settings.schedule!r}")
    return settings


def _fits(value: Any, default: Any) -> bool:
    """Whether `value`, from JSON, has the type of `default`; numbers must be finite and not negative."""
    if isinstance(default, bool | str):
        return type(value) is type(default)
    if isinstance(default, tuple):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    kinds = int if isinstance(default, int) else int | float
    return isinstance(value, kinds) and not isinstance(value, bool) and value >= 0 and math.isfinite(value)
