"""The share of test images on which a file must give Keras's class, by its precision."""

from fmnist_export.prove.proof import Proof
from fmnist_runtime.errors import ExportError

MINIMUM_AGREEMENT = {
    "float32": 1.0,
    "float16": 0.999,
    "dynamic": 0.99,
    "int8": 0.99,
    "int8-strict": 0.98,
    "int16x8": 0.99,
}

# A Keras model of half precision itself rounds to 11 bits (float16) or 8 bits (bfloat16), which float32 cannot repeat:
# the precision of a file with about as many bits sets the limit.
_COMPARABLE_PRECISION = {"float16": "float16", "bfloat16": "int8"}


def required_agreement(precision: str, half_precision: str | None, stated: float | None) -> float:
    """The required agreement of a file: the one that the user states, else the one of its precision.

    `half_precision` is the 16-bit type that the Keras model computes in; None for float32.
    """
    if stated is not None:
        return stated
    limit = MINIMUM_AGREEMENT[precision]
    return min(limit, MINIMUM_AGREEMENT[_COMPARABLE_PRECISION[half_precision]]) if half_precision else limit


def check_agreement(proof: Proof, precision: str, minimum: float) -> None:
    """Raise ExportError where the agreement in `proof` is below `minimum`."""
    if proof.agreement < minimum:
        raise ExportError(
            f"{precision} on {proof.runtime} {proof.version} agrees with Keras on {proof.agreement:.4f} of "
            f"{proof.images:,} images, expected at least {minimum:.4f}; nothing was published "
            f"(--min-agreement sets the limit, --explain shows which layer loses agreement)"
        )
