"""What decides a trained model, and the recipe of each model that fmnist-train knows by name. Imports no Keras."""

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

    def options(self) -> str:
        """The options of fmnist-train that give these settings."""
        parts = []
        for name, value in asdict(self).items():
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                parts += [option] * value
            elif value != "" and (name != "teacher_weight" or self.teacher):
                parts += [f"{option} {one}" for one in (value if isinstance(value, tuple) else (value,))]
        return " ".join(parts)


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
}


def recipe(model: str, **changes: Any) -> Settings:
    """The settings for `model` with those of `changes` that are not None; the tutorial's for another model."""
    known = {field.name for field in fields(Settings)}
    given = {name: value for name, value in changes.items() if value is not None and name in known}
    return replace(RECIPES.get(model, Settings()), model=model, **given)
