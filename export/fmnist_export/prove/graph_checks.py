"""Checks of a converted graph that hold for every target: what no interpreter can run is refused with its reason."""

import math

from fmnist_runtime.errors import ExportError
from fmnist_runtime.flatbuffer.graph import Graph

_VARIABLES = {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"}
# Folding batch norm and sharing weights removes some; a file with less than this share of them lost its weights.
_LEAST_SHARE_OF_WEIGHTS = 0.5
# The input types that a precision promises; the others take float32.
_INPUT_TYPES = {"int8": "int8", "int8-strict": "int8", "int16x8": "int16"}


def check_graph(model: Graph, weight_count: int, precision: str) -> None:
    """Check that `model` is a classifier of one image in `precision`, with the weights of the Keras model.

    `weight_count` is the number of weights of the Keras model. Raises ExportError.
    """
    _check_operators(model, precision)
    _check_interface(model, precision)
    constants = sum(math.prod(tensor.shape) for tensor in model.tensors if tensor.data.length)
    if constants < _LEAST_SHARE_OF_WEIGHTS * weight_count:
        raise ExportError(
            f"the {precision} file is a shell: it holds {constants:,} constants, and the Keras model has "
            f"{weight_count:,} weights; the converter left the variables out, use TensorFlow 2.20 or 2.21"
        )


def _check_operators(model: Graph, precision: str) -> None:
    names = sorted({operator.name for operator in model.operators})
    flex = [name.removeprefix("CUSTOM ") for name in names if name.startswith("CUSTOM Flex")]
    custom = [name.removeprefix("CUSTOM ") for name in names if name.startswith("CUSTOM ") and "Flex" not in name]
    variables = [name for name in names if name in _VARIABLES]
    if flex:
        raise ExportError(
            f"the {precision} file needs TensorFlow itself on the device (Flex operators {', '.join(flex)}), expected "
            f"TFLite's own operators; replace the layers that use them"
        )
    if custom:
        raise ExportError(
            f"the {precision} file has custom operators ({', '.join(custom)}), which no runtime has; "
            f"expected TFLite's own operators; replace the layers that use them"
        )
    if variables:
        raise ExportError(
            f"the {precision} file has variables that were not frozen ({', '.join(variables)}), expected constants; "
            f"export the trained model and not a training function"
        )


def _check_interface(model: Graph, precision: str) -> None:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ExportError(
            f"the {precision} file has {len(model.inputs)} inputs and {len(model.outputs)} outputs, expected one of "
            f"each; export a classifier of one image"
        )
    found, expected = model.tensors[model.inputs[0]].dtype, _INPUT_TYPES.get(precision, "float32")
    if found != expected:
        raise ExportError(
            f"the input of the {precision} file is {found}, expected {expected}: TensorFlow's converter did not "
            f"quantize it; try another --precision"
        )
