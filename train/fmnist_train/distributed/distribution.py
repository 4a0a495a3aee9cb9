"""Training on several devices or machines by tf.distribute, with the same batches and the same settings.

Each replica takes its part of every batch, and the gradients are summed before a step. `--batch-size` stays the size of
the whole batch, so the same settings give the same result as on one device. Only batch normalization sees no more than
its part.

docs/distribution.md tells what was measured: which parts of tf.distribute work with Keras 3, and which do not.
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

_LOST_WORKER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
)


@dataclass(frozen=True)
class Distribution:
    """Where a training runs: the strategy of tf.distribute, None for one device, and which worker this is."""

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
        """The scope in which a model for this distribution must be built or loaded."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()


ONE_DEVICE = Distribution()


def mirrored(devices: list[str] | None = None) -> Distribution:
    """One process on all GPUs of the machine, or on `devices`; on the processor where there is no GPU."""
    _silence_tensorflow()
    return Distribution(tf.distribute.MirroredStrategy(devices))


def multi_worker(cluster: clusters.Cluster) -> Distribution:
    """This worker of `cluster`; waits for the others. To be called before TensorFlow computes anything.

    TensorFlow reads the cluster from TF_CONFIG again.
    """
    _silence_tensorflow()
    with quiet_stderr():
        strategy = MultiWorkerStrategy()
    return Distribution(strategy, cluster.index, len(cluster.addresses))


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):  # type: ignore[misc]  # tensorflow has no types
    """tf.distribute.MultiWorkerMirroredStrategy whose `reduce` accepts the arguments of Keras 3.

    Keras 3.15 asks for the mean of a whole batch (a tuple) before the first step, and for the mean of each metric, a
    scalar, along axis 0 after every step. TensorFlow 2.21 refuses both (keras issue 20585); all else works.
    """

    def reduce(self, reduce_op: Any, value: Any, axis: int | None = None) -> Any:
        """Reduce `value`, a tensor or a structure of tensors, over all replicas; scalars have no axis."""

        def reduced(leaf: Any) -> Any:
            scalar = self.experimental_local_results(leaf)[0].shape.rank == 0
            return super(MultiWorkerStrategy, self).reduce(reduce_op, leaf, axis=None if scalar else axis)

        return tf.nest.map_structure(reduced, value)


def prepare(model: keras.Model, distribution: Distribution) -> None:
    """Adapt a compiled `model` to `distribution`: one step per call and no XLA, which Keras 3 cannot distribute."""
    if distribution.strategy is not None:
        model.steps_per_execution = 1
        model.jit_compile = False


def check_agreement(distribution: Distribution, value: object) -> None:
    """Raise TrainingError unless `value` has the same repr on all workers, so that all train the same."""
    if distribution.strategy is None or distribution.workers == 1:
        return
    digest = int.from_bytes(hashlib.sha256(repr(value).encode()).digest()[:7], "big")
    digests = distribution.strategy.gather(tf.constant([digest], tf.int64), axis=0).numpy().tolist()
    others = [str(index) for index, other in enumerate(digests) if other != digests[0]]
    if others:
        raise TrainingError(
            f"worker {', '.join(others)} differs from worker 0 in its options, its checkpoint or its TensorFlow; start "
            f"all with the same, and --resume in a folder that all of them share"
        )


def synchronize(model: keras.Model, distribution: Distribution) -> None:
    """Give all replicas the mean of their moving averages of batch normalization.

    Every worker calls this at the end of an epoch, so that the chief can save the model without the others.
    """
    if distribution.strategy is None:
        return
    moving = [variable for variable in model.non_trainable_weights if variable.dtype.startswith("float")]
    if not moving:
        return

    def averages() -> Any:
        # Keras 3 keeps them as variables without aggregation: each replica reads its own.
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, [tf.convert_to_tensor(each.value) for each in moving])

    for variable, mean in zip(moving, distribution.strategy.run(averages), strict=True):
        variable.assign(distribution.strategy.experimental_local_results(mean)[0])


def local_copy(model: keras.Model, build: Callable[[], keras.Model]) -> keras.Model:
    """A copy of `model` on this process alone, with all of its state, so that it needs no other worker.

    Built again layer by layer where Keras can do that, else by `build`. Raises ModelCopyError where it then gives
    other outputs than `model` for real images.
    """
    copy = rebuilt(model) if copies.is_rebuildable(model) else build()
    copies.transfer_state(model, copy)
    comparison.check_same(model, copy, "the copy for this process alone")
    return copy


@contextlib.contextmanager
def translate_lost_workers(distribution: Distribution) -> Iterator[None]:
    """Turn what TensorFlow raises within half a minute after another worker is gone into a TrainingError."""
    try:
        yield
    except _LOST_WORKER_ERRORS as error:
        if distribution.workers == 1:
            raise
        raise TrainingError(
            f"worker {distribution.worker} lost another worker ({type(error).__name__}): it ended, or cannot be "
            f"reached; start all of them again, with --resume to go on from the last finished epoch"
        ) from error


def _silence_tensorflow() -> None:
    """Keep the log lines of tf.distribute, which are for its developers, off the terminal."""
    tf.get_logger().setLevel("ERROR")
