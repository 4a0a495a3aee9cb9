"""One classifier in many hands: sharing.py MODEL IMAGES.npy BACKEND. Ends with 0 and "right" where all answers are."""

import copy
import os
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fmnist_runtime import Classifier
from fmnist_runtime.errors import ClosedError, ForkError

THREADS, CALLS = 8, 12_500


def in_threads(classifier: Classifier, images: np.ndarray, answers: np.ndarray) -> None:
    """100,000 calls from 8 threads, of three methods, each answer against the single thread's."""
    wrong: list[object] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + CALLS):
                image, answer = images[number % len(images)], answers[number % len(images)]
                found = classifier.index(image) if number % 2 else classifier.classify(image).index
                if number % 50 == 0:
                    found = int(classifier.probabilities(image).argmax())
                if found != answer:
                    wrong.append((number, found, answer))
        except Exception as error:
            wrong.append(error)

    run([lambda first=first: work(first * 977) for first in range(THREADS)])
    assert not wrong, wrong[:5]


def closed_meanwhile(classifier: Classifier, images: np.ndarray, answers: np.ndarray) -> None:
    """close() while 8 threads call: each answer is right or the error of a closed classifier."""
    wrong: list[object] = []
    going = threading.Barrier(THREADS + 1)

    def work(first: int) -> None:
        going.wait()
        try:
            for number in range(first, first + CALLS):
                image = images[number % len(images)]
                one_by_one = number % 10
                found = classifier.index(image) if one_by_one else int(classifier.outputs(image[np.newaxis]).argmax())
                if found != answers[number % len(images)]:
                    wrong.append((number, found))
            wrong.append("never closed")
        except ClosedError as error:
            if "closed" not in str(error):
                wrong.append(error)
        except Exception as error:
            wrong.append(error)

    def close() -> None:
        going.wait()
        for image in images[:50]:
            classifier.index(image)
        classifier.close()
        classifier.close()

    run([*(lambda first=first: work(first) for first in range(THREADS)), close])  # type: ignore[misc]
    assert not wrong, wrong[:5]


def in_forked_children(model: Path, backend: str, images: np.ndarray, answers: np.ndarray) -> None:
    """Children that are forked while other threads call answer rightly, or say why not where there are threads."""
    for threads in (1, 2):
        classifier = Classifier(model, backend=backend, num_threads=threads)
        stop = threading.Event()

        def work(classifier: Classifier = classifier, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                classifier.index(images[0])

        workers = [threading.Thread(target=work, daemon=True) for _ in range(3)]
        for worker in workers:
            worker.start()
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                os._exit(_child(classifier, threads, images, answers))
            _, status = os.waitpid(pid, 0)
            assert status == 0, (threads, os.waitstatus_to_exitcode(status))
        stop.set()
        for worker in workers:
            worker.join()
        assert classifier.index(images[1]) == answers[1]


def _child(classifier: Classifier, threads: int, images: np.ndarray, answers: np.ndarray) -> int:
    import signal

    signal.alarm(20)
    try:
        found = [classifier.index(image) for image in images[:20]]
    except ForkError as error:
        with classifier:
            pass
        del classifier
        return int(threads == 1 or "after the fork" not in str(error))
    return int(threads > 1 or found != answers[:20].tolist())


def copied(classifier: Classifier, model: Path, images: np.ndarray, answers: np.ndarray) -> None:
    """Copies by copy, deepcopy and pickle open the same bytes again, whatever became of the file."""
    content = model.read_bytes()
    model.unlink()
    try:
        for other in (copy.copy(classifier), copy.deepcopy(classifier), pickle.loads(pickle.dumps(classifier))):
            assert other.runtime == classifier.runtime
            assert (other.model, other.labels, other.description) == (
                classifier.model,
                classifier.labels,
                classifier.description,
            )
            with other:
                assert [other.index(image) for image in images[:50]] == answers[:50].tolist()
        assert classifier.index(images[0]) == answers[0]
    finally:
        model.write_bytes(content)


def run(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main(model: Path, images: np.ndarray, backend: str) -> None:
    classifier = Classifier(model, backend=backend)
    answers = classifier.outputs(images).argmax(axis=1)
    assert len(set(answers.tolist())) == 10
    in_threads(classifier, images, answers)
    for _ in range(10):
        closed_meanwhile(Classifier(model, backend=backend), images, answers)
    in_forked_children(model, backend, images, answers)
    copied(classifier, model, images, answers)
    # Left to the end of the process, with a thread that still calls.
    threading.Thread(target=lambda: [classifier.index(images[0]) for _ in iter(int, 1)], daemon=True).start()
    print("right")


if __name__ == "__main__":
    main(Path(sys.argv[1]), np.load(sys.argv[2])[:1000], sys.argv[3])
