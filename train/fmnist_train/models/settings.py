"""What decides a trained model, and the recipe of each model that fmnist-train knows by name. Imports no Keras."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

SCHEDULES = ("cosine", "one-cycle", "constant")


@dataclass(frozen=True)
class Settings:
    """What decides the weights: two trainings with equal settings and data give the same model on one machine.

    `schedule` is "constant", as the tutorial has it; "cosine": the learning rate falls to 0 along half a cosine, which
    ends the tutorial's 5 epochs at a higher accuracy that depends less on the seed; or "one-cycle": the same after a
    linear rise over the first fifth of the steps (Smith and Topin 2017, arXiv:1708.07120).

    `flip`, `shift` and `erase` change the training images (see augmentation.py): the share of images that are mirrored,
    the most pixels that one is moved by, and the share of images in which a rectangle is erased.

    `teacher` are the paths of trained .keras models; the mean of their answers makes up `teacher_weight` of what is
    learned, the labels the rest (Hinton et al. 2015, arXiv:1503.02531).

    `start` is the path of a trained .keras model of the same architecture, whose weights the training goes on from.

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
        """Whether a model learns ten shares an image instead of one label."""
        return bool(self.label_smoothing or self.teacher)

    @property
    def loss(self) -> str:
        """The loss, by Keras's name."""
        return "categorical_crossentropy" if self.has_soft_targets else "sparse_categorical_crossentropy"

    @property
    def looks_twice_unprepared(self) -> bool:
        """Whether the model would look at mirror images after it was trained on one side of garments only."""
        return self.mirror and self.flip in (0, 1)

    def files(self) -> tuple[str, ...]:
        """The files, besides the data, that decide the weights: a builder's, the teachers', the first weights'."""
        builder = self.model.rpartition(":")[0]
        return tuple(path for path in (builder, *self.teacher, self.start) if path)

    def arguments(self) -> list[str]:
        """The options of fmnist-train that give these settings, each word by itself."""
        words: list[str] = []
        for name, value in asdict(self).items():
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                words += [option] * value
            elif value != "" and (name != "teacher_weight" or self.teacher):
                for one in value if isinstance(value, tuple) else (value,):
                    words += [option, str(one)]
        return words

    def options(self) -> str:
        """The same as a shell takes it, with quotes around what holds a blank."""
        return shlex.join(self.arguments())


# 1,000 held-out images are enough to see that a training goes well.
_CNN = Settings(
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
RECIPES: dict[str, Settings] = {
    "mlp": Settings(),
    "cnn-nano": replace(_CNN, model="cnn-nano", epochs=60, weight_decay=0.005),
    "cnn-micro": replace(_CNN, model="cnn-micro", epochs=50, erase=0.15),
    "cnn-small": replace(_CNN, model="cnn-small", epochs=45, erase=0.25),
    "cnn-large": replace(_CNN, model="cnn-large", epochs=32, shift=2, erase=0.2),
    "first-teacher": replace(_CNN, model="first-teacher", epochs=30, shift=2, erase=0.3),
}


def recipe(model: str, **changes: Any) -> Settings:
    """The settings for `model` with those of `changes` that are not None; the tutorial's for another model."""
    known = {field.name for field in fields(Settings)}
    given = {name: value for name, value in changes.items() if value is not None and name in known}
    return replace(RECIPES.get(model, Settings()), model=model, **given)


def from_document(document: Mapping[str, Any]) -> Settings:
    """The settings that `asdict` gave and JSON kept. Raises ValueError for a key or a value that is none."""
    known = {field.name: field.default for field in fields(Settings)}
    for name, value in document.items():
        if name not in known:
            raise ValueError(f"unknown key {name!r} in settings, of a newer fmnist-edge")
        if not _fits(value, known[name]):
            raise ValueError(f"{name} is {str(value)[:40]!r}")
    if missing := sorted(known.keys() - document.keys()):
        raise ValueError(f"settings without {missing[0]}")
    settings = Settings(**{**document, "teacher": tuple(document["teacher"])})
    if min(settings.epochs, settings.batch_size) < 1 or settings.schedule not in SCHEDULES:
        raise ValueError(f"epochs {settings.epochs}, batch size {settings.batch_size}, schedule {settings.schedule!r}")
    return settings


def _fits(value: Any, default: Any) -> bool:
    """Whether `value`, from JSON, is of the kind of `default`; numbers are finite and not negative."""
    if isinstance(default, bool | str):
        return type(value) is type(default)
    if isinstance(default, tuple):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    kinds = int if isinstance(default, int) else int | float
    return isinstance(value, kinds) and not isinstance(value, bool) and value >= 0 and math.isfinite(value)
