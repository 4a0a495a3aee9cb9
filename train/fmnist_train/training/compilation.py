"""The compiled model with which a training begins: its first weights, optimizer, schedule and loss."""

import math
from pathlib import Path

import keras

from fmnist_keras import copies
from fmnist_runtime.errors import TrainingError
from fmnist_train.models import builders
from fmnist_train.models.distillation import load_model
from fmnist_train.models.normalization import fused
from fmnist_train.models.settings import TrainingSettings

# A call from Python into TensorFlow costs about as much as a step of the tutorial's model: take many steps a call.
_MOST_STEPS_PER_CALL = 250
# A step of a convolutional model takes so long that more a call gain nothing, and the progress bar moves once a call.
_MOST_CONVOLUTION_STEPS = 10
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)


def build(settings: TrainingSettings, images: int) -> keras.Model:
    """The compiled model of `settings`, untrained: Adam (AdamW with weight decay), cross-entropy, accuracy.

    Each call takes as many steps as divide an epoch over `images` images. A person's own model that is compiled already
    stays as it is. Raises TrainingError where the model cannot be built or does not fit `settings.start`.
    """
    steps = -(-images // settings.batch_size)
    model = builders.build(settings.model)
    if settings.start:
        _load_start(model, Path(settings.start))
    if model.compiled:
        return model
    model = fused(model)
    convolves = any(isinstance(layer, _CONVOLUTIONS) for layer in model.layers)
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss=settings.loss,
        metrics=["accuracy"],
        steps_per_execution=steps_per_call(steps, _MOST_CONVOLUTION_STEPS if convolves else _MOST_STEPS_PER_CALL),
        jit_compile=not convolves,
    )
    return model


def steps_per_call(steps: int, most: int = _MOST_STEPS_PER_CALL) -> int:
    """The largest divisor of `steps` up to `most`, so that no call is left with a part that is compiled again."""
    return max(divisor for divisor in range(1, min(steps, most) + 1) if steps % divisor == 0)


def _load_start(model: keras.Model, path: Path) -> None:
    """Give `model` the weights of the trained model in `path`. Raises TrainingError where it is another network."""
    trained = load_model(path)
    found, expected = ([weight.shape for weight in each.get_weights()] for each in (trained, model))
    if found != expected:
        raise TrainingError(
            f"{path}: {_count(found):,} weights in {len(found)} tensors, expected the {_count(expected):,} in "
            f"{len(expected)} of {model.name}; start from a model of the same --model"
        )
    copies.transfer_state(trained, model)


def _count(shapes: list[tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes)


def _optimizer(settings: TrainingSettings, steps: int) -> keras.optimizers.Optimizer:
    schedules, total = keras.optimizers.schedules, steps * settings.epochs
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        rate = schedules.CosineDecay(rate, total)
    elif settings.schedule == "one-cycle":
        rise = max(1, total // 5)
        rate = schedules.CosineDecay(rate / 10, max(1, total - rise), warmup_target=rate, warmup_steps=rise)
    if settings.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    return keras.optimizers.Adam(rate)
