"""Which interpreter runs a model: the one that is asked for, or the first that really runs it, with the reason."""

from fmnist_runtime.errors import IncompatibleModelError, ModelFileError, RuntimeMissingError
from fmnist_runtime.inference import installation, interpreters
from fmnist_runtime.inference.interpreters import AUTO, BACKENDS, Interpreter, Runtime


def build(
    flatbuffer: bytes, backend: str = AUTO, num_threads: int = 1, *, proved: bool = True
) -> tuple[Interpreter, Runtime]:
    """An interpreter on `flatbuffer`, its tensors allocated and invoked once, and the runtime that it belongs to.

    `backend` is "auto" or a key of BACKENDS; an explicit one is honoured or refused. A flatbuffer that is not `proved`
    to be what was exported is tried in a child process first. Raises RuntimeMissingError where no interpreter works on
    this machine, IncompatibleModelError where those that do refuse the model, ModelFileError for a model that crashes
    one, and for an unknown number of threads.
    """
    if backend != AUTO and backend not in BACKENDS:
        raise RuntimeMissingError(f"backend {backend!r} is unknown, expected auto, {' or '.join(BACKENDS)}")
    if num_threads < 1:
        raise ModelFileError(f"num_threads is {num_threads}, expected 1 or more")
    refusals: list[RuntimeMissingError | IncompatibleModelError] = []
    for name in BACKENDS if backend == AUTO else (backend,):
        try:
            interpreter, version = _build_one(name, flatbuffer, num_threads, proved)
        except (RuntimeMissingError, IncompatibleModelError) as error:
            refusals.append(error)
            continue
        reason = "asked for" if backend != AUTO else "first that runs"
        passed_over = tuple(str(refusal) for refusal in refusals)
        return interpreter, Runtime(name, version, f"{BACKENDS[name][0]} {version}: {reason}", passed_over)
    raise _summary(refusals)


def _build_one(name: str, flatbuffer: bytes, num_threads: int, proved: bool) -> tuple[Interpreter, str]:
    interpreters.load_module(name)
    if not proved:
        # Imported only for the files of others: it starts a process, and needs the modules for that.
        from fmnist_runtime.inference import sandbox

        sandbox.attempt(name, flatbuffer)
    return interpreters.build_one(name, flatbuffer, num_threads)


def _summary(
    refusals: list[RuntimeMissingError | IncompatibleModelError],
) -> RuntimeMissingError | IncompatibleModelError:
    """The refusal that tells most: of the model, else of an interpreter that is there, else that there is none."""
    for refusal in refusals:
        if isinstance(refusal, IncompatibleModelError):
            return refusal
    for refusal in refusals:
        if "is not installed" not in str(refusal):
            return refusal
    if len(refusals) == 1:
        return refusals[0]
    return RuntimeMissingError(f"no TFLite interpreter is installed; {installation.fix()}")
