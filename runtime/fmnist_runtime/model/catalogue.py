"""What the shipped models are: every number is read from the proofs inside their files, none is written down here."""

from dataclasses import asdict, dataclass
from typing import Any

from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.model import model_file, shipped

_PROOF_KEYS = {"runtime", "version", "accuracy", "agreement"}


@dataclass(frozen=True)
class Listed:
    """A shipped model. `accuracy` and `agreement` with Keras are the lowest of its proofs, shares of the test images.

    `proved_on` are the runtimes with their versions; `command` trains it again, None where the file doesn't say.
    """

    name: str
    default: bool
    file: str
    bytes: int
    precision: str
    accuracy: float
    agreement: float
    proved_on: tuple[str, ...]
    command: str | None

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def shipped_models() -> list[Listed]:
    """The shipped models in the order of their names' list. Raises ModelFileError where a file is damaged."""
    return [_listed(name) for name in shipped.SHIPPED]


def _listed(name: str) -> Listed:
    path = shipped.MODELS_FOLDER / shipped.SHIPPED[name]
    description = model_file.read(path).description or {}
    proofs = description.get("proofs", [])
    if not proofs or any(not proof.keys() >= _PROOF_KEYS or proof["accuracy"] is None for proof in proofs):
        raise ModelFileError(f"{path}: it brings no proof, so it is not the file that was shipped; install it again")
    return Listed(
        name,
        name == shipped.DEFAULT,
        path.name,
        path.stat().st_size,
        description.get("precision", "unknown"),
        min(proof["accuracy"] for proof in proofs),
        min(proof["agreement"] for proof in proofs),
        tuple(f"{proof['runtime']} {proof['version']}" for proof in proofs),
        description.get("training", {}).get("command"),
    )
