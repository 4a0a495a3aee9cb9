"""Training on several devices or machines by tf.distribute: the same batches, the same recipe, more hands.

Each replica takes its part of every batch, and the gradients are summed before a step: `--batch-size` stays the size
of the whole batch, so a recipe gives what it gives on one device. Only batch normalization sees the part alone.

What of tf.distribute works with Keras 3, and what doesn't, was measured: docs/distribution.md.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from fmnist_keras import comparison, copies
from fmnist_runtime.commandline import quiet_stderr
from fmnist_runtime.errors import TrainingError
from fmnist_train.distributed import cluster as clusters
from fmnist_train.models.normalization import rebuilt

_LOSSES = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError)


@dataclass(frozen=True)
class Distribution:
    """How a training is spread: the strategy of tf.distribute, None for one device, and which worker this is."""

    strategy: tf.distribute.Strategy | None = None
    worker: int = 0
    workers: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files and shows the progress."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """The number of devices, on all workers, that share each batch."""
        return 1 if self.strategy is None else int(self.strategy.num_replicas_in_sync)

    def scope(self) -> AbstractContextManager[Any]:
        """Where a model must be built or loaded that is to be trained this way."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()


ALONE = Distribution()


def mirrored(devices: list[str] | None = None) -> Distribution:
    """One process, all GPUs of the machine, or `devices`; the processor where there is no GPU."""
    _silence()
    return Distribution(tf.distribute.MirroredStrategy(devices))


def multi_worker(cluster: clusters.Cluster) -> Distribution:
    """This worker of `cluster`; waits for the others. Before anything else is computed with TensorFlow.

    TensorFlow reads the cluster from TF_CONFIG again.
    """
    _silence()
    with quiet_stderr():
        strategy = MultiWorkerStrategy()
    return Distribution(strategy, cluster.index, len(cluster.addresses))


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):  # type: ignore[misc]  # tensorflow has no types
    """tf.distribute.MultiWorkerMirroredStrategy whose `reduce` takes what Keras 3 hands it.

    Keras 3.15 asks for the mean of a whole batch (a tuple) before the first step, and for the mean of each metric, a
    scalar, along axis 0 after every step; TensorFlow 2.21 refuses both (keras issue 20585). Nothing else is in the way.
    """

    def reduce(self, reduce_op: Any, value: Any, axis: int | None = None) -> Any:
        """`value`, a tensor or a structure of them, each reduced over all replicas; scalars have no axis."""

        def reduced(leaf: Any) -> Any:
            scalar = self.experimental_local_results(leaf)[0].shape.rank == 0
            return super(MultiWorkerStrategy, self).reduce(reduce_op, leaf, axis=None if scalar else axis)

        return tf.nest.map_structure(reduced, value)


def prepare(model: keras.Model, distribution: Distribution) -> None:
    """Make `model`, compiled, fit for `distribution`: step by step and without XLA, which Keras 3 can't distribute."""
    if distribution.strategy is not None:
        model.steps_per_execution = 1
        model.jit_compile = False


def agree(distribution: Distribution, what: object) -> None:
    """Make sure that all workers train the same: `what` must have the same repr on each. Else TrainingError."""
    if distribution.strategy is None or distribution.workers == 1:
        return
    digest = int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:7], "big")
    digests = distribution.strategy.gather(tf.constant([digest], tf.int64), axis=0).numpy().tolist()
    others = [str(index) for index, other in enumerate(digests) if other != digests[0]]
    if others:
        raise TrainingError(
            f"worker {', '.join(others)} differs from worker 0 in its options, its checkpoint or its TensorFlow; start "
            f"all with the same, and --resume in a folder that all of them see"
        )


def synchronize(model: keras.Model, distribution: Distribution) -> None:
    """Give all replicas the mean of what each has seen: of the moving averages of batch normalization.

    To be called by every worker at the end of an epoch, so that the chief can save the model without the others.
    """
    if distribution.strategy is None:
        return
    moving = [variable for variable in model.non_trainable_weights if variable.dtype.startswith("float")]
    if not moving:
        return

    def averages() -> Any:
        # Keras 3 keeps them as variables without aggregation: in a replica one reads its own.
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, [tf.convert_to_tensor(each.value) for each in moving])

    for variable, mean in zip(moving, distribution.strategy.run(averages), strict=True):
        variable.assign(distribution.strategy.experimental_local_results(mean)[0])


def local(model: keras.Model, build: Callable[[], keras.Model]) -> keras.Model:
    """`model` on this process alone, with all of its state: it can answer without the others.

    Built again layer by layer where Keras can do that, else by `build`. Raises ModelCopyError where it then gives
    other outputs than `model` for real images.
    """
    copy = rebuilt(model) if copies.is_rebuildable(model) else build()
    copies.transfer_state(model, copy)
    comparison.check_same(model, copy, "the copy for this process alone")
    return copy


@contextlib.contextmanager
def losses_in_words(distribution: Distribution) -> Iterator[None]:
    """Turn what TensorFlow raises when another worker is gone, within half a minute, into a TrainingError."""
    try:
        yield
    except _LOSSES as error:
        if distribution.workers == 1:
            raise
        raise TrainingError(
            f"worker {distribution.worker} lost another worker ({type(error).__name__}): it ended, or cannot be "
            f"reached; start all of them again, with --resume to go on from the last finished epoch"
        ) from error


def _silence() -> None:
    """Keep the log lines of tf.distribute, which are for its developers, off the terminal."""
    tf.get_logger().setLevel("ERROR")
