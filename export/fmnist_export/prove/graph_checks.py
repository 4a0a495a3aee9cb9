"""What no target can run, refused with its reason before any target is asked."""

import math

from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer.graph import Graph

_VARIABLES = {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"}
# Folding batch norm away and sharing weights takes some; a file with less than this share of them lost its weights.
_LEAST_SHARE_OF_WEIGHTS = 0.5


def check(model: Graph, weights: int, precision: str) -> None:
    """Refuse a converted `model` that cannot be a classifier with `weights` weights. Raises ExportError."""
    names = sorted({operator.name for operator in model.operators})
    flex = [name.removeprefix("CUSTOM ") for name in names if name.startswith("CUSTOM Flex")]
    custom = [name.removeprefix("CUSTOM ") for name in names if name.startswith("CUSTOM ") and "Flex" not in name]
    variables = [name for name in names if name in _VARIABLES]
    if flex:
        raise ExportError(
            f"the {precision} file needs TensorFlow itself on the device (Flex operators {', '.join(flex)}), expected "
            f"TFLite's own operators; replace the layers that they come from"
        )
    if custom:
        raise ExportError(
            f"the {precision} file has custom operators ({', '.join(custom)}), which no runtime has; "
            f"expected TFLite's own operators; replace the layers that they come from"
        )
    if variables:
        raise ExportError(
            f"the {precision} file has variables that were not frozen ({', '.join(variables)}), expected constants; "
            f"export the trained model and not a training function"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ExportError(
            f"the {precision} file has {len(model.inputs)} inputs and {len(model.outputs)} outputs, expected one of "
            f"each; export a classifier of one image"
        )
    held = sum(math.prod(tensor.shape) for tensor in model.tensors if tensor.data.length)
    if held < _LEAST_SHARE_OF_WEIGHTS * weights:
        raise ExportError(
            f"the {precision} file is a shell: it holds {held:,} constants, and the Keras model has {weights:,} "
            f"weights; the converter left the variables out, use TensorFlow 2.20 or 2.21"
        )
