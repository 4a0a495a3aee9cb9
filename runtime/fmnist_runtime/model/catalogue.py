"""The list of the shipped models: every number comes from the proofs inside their files, none is written here.

It does not open the models (fmnist_runtime.classifier).
"""

from dataclasses import asdict, dataclass
from typing import Any

from fmnist_runtime.errors import NoProofError
from fmnist_runtime.model import model_file, shipped

_PROOF_KEYS = {"runtime", "version", "accuracy", "agreement"}


@dataclass(frozen=True)
class ShippedModel:
    """A shipped model. `accuracy` and `agreement` with Keras are the lowest of its proofs, shares of the test images.

    `proved_on` are the runtimes with their versions; `command` trains it again, None where the file does not say.
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


def shipped_models() -> list[ShippedModel]:
    """The models of SHIPPED, in its order. Raises ModelFileError and NoProofError where a file is damaged."""
    return [_shipped_model(name) for name in shipped.SHIPPED]


def _shipped_model(name: str) -> ShippedModel:
    path = shipped.MODELS_FOLDER / shipped.SHIPPED[name]
    description = model_file.read(path).description or {}
    proofs = description.get("proofs", [])
    if not proofs or any(not proof.keys() >= _PROOF_KEYS or proof["accuracy"] is None for proof in proofs):
        raise NoProofError(f"{path}: it has no proof, so it is not the file that was shipped; install it again")
    return ShippedModel(
        name=name,
        default=name == shipped.DEFAULT,
        file=path.name,
        bytes=path.stat().st_size,
        precision=description.get("precision", "unknown"),
        accuracy=min(proof["accuracy"] for proof in proofs),
        agreement=min(proof["agreement"] for proof in proofs),
        proved_on=tuple(f"{proof['runtime']} {proof['version']}" for proof in proofs),
        command=description.get("training", {}).get("command"),
    )
