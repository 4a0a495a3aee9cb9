"""Which interpreter runs a model: the one that is asked for, or the first that really runs it, with the reason.

It does not build an interpreter itself (fmnist_runtime.inference.interpreters) and does not know what a model's
tensors mean.
"""

from fmnist_runtime.errors import IncompatibleModelError, RuntimeMissingError, ThreadsError, UnknownBackendError
from fmnist_runtime.inference import interpreters
from fmnist_runtime.inference.interpreters import AUTO, BACKENDS, Interpreter, Runtime


def build(
    flatbuffer: bytes, backend: str = AUTO, num_threads: int = 1, *, proved: bool = True
) -> tuple[Interpreter, Runtime]:
    """An interpreter on `flatbuffer`, its tensors allocated and invoked once, and the runtime that it belongs to.

    `backend` is "auto" or a key of BACKENDS; an explicit one is used or refused, never replaced. A flatbuffer that is
    not `proved` to be what was exported runs in a child process first. Raises RuntimeMissingError where no interpreter
    works on this machine, IncompatibleModelError where those that work refuse the model, DamagedModelError for a model
    that crashes an interpreter, UnknownBackendError and ThreadsError.
    """
    if backend != AUTO and backend not in BACKENDS:
        raise UnknownBackendError(f"backend {backend!r} is unknown, expected auto, {' or '.join(BACKENDS)}")
    if num_threads < 1:
        raise ThreadsError(f"num_threads is {num_threads}, expected 1 or more")
    refusals: list[RuntimeMissingError | IncompatibleModelError] = []
    for name in BACKENDS if backend == AUTO else (backend,):
        try:
            interpreter, version = _build(name, flatbuffer, num_threads, proved)
        except (RuntimeMissingError, IncompatibleModelError) as error:
            refusals.append(error)
            continue
        reason = "asked for" if backend != AUTO else "first that runs"
        passed_over = tuple(str(refusal) for refusal in refusals)
        return interpreter, Runtime(name, version, f"{BACKENDS[name][0]} {version}: {reason}", passed_over)
    raise _most_telling(refusals)


def _build(name: str, flatbuffer: bytes, num_threads: int, proved: bool) -> tuple[Interpreter, str]:
    interpreters.load_module(name)
    if not proved:
        # Imported only for files without a proof: it starts a process, and needs the modules for that.
        from fmnist_runtime.inference import sandbox

        sandbox.check_model(name, flatbuffer)
    return interpreters.build(name, flatbuffer, num_threads)


def _most_telling(
    refusals: list[RuntimeMissingError | IncompatibleModelError],
) -> RuntimeMissingError | IncompatibleModelError:
    """The refusal that tells most: of the model, else of an installed interpreter, else that none is installed."""
    for refusal in refusals:
        if isinstance(refusal, IncompatibleModelError):
            return refusal
    for refusal in refusals:
        if "is not installed" not in str(refusal):
            return refusal
    if len(refusals) == 1:
        return refusals[0]
    from fmnist_runtime.inference import installation

    return RuntimeMissingError(f"no TFLite interpreter is installed; {installation.advice()}")
