"""A float32 Dense layer with int8 weights: a quarter of its bytes, and outputs that are not rounded to int8.

TFLite calls a FULLY_CONNECTED with float32 input and output and int8 weights hybrid; its kernel quantizes the input of
each call to the range of that input. The converter makes such layers only for whole models ("dynamic range"), so this
module changes one layer in the flatbuffer. The weights have one scale: a scale for each output needs operator version
12, which tflite-runtime 2.14 does not have. Version 9 is the first that can quantize inputs asymmetrically.
"""

from typing import Any

import numpy as np

_LARGEST = 127
_VERSION = 9


def with_int8_weights(content: bytes, name: str) -> bytes:
    """`content` with int8 weights in the float32 FULLY_CONNECTED whose output tensor is called `name`.

    Returns `content` unchanged where there is no such layer.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    graph = model.subgraphs[0]
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        weights = graph.tensors[operator.inputs[1]] if code.builtinCode == dense else None
        if weights is None or graph.tensors[operator.outputs[0]].name.decode() != name:
            continue
        if weights.type != schema.TensorType.FLOAT32 or model.buffers[weights.buffer].data is None:
            continue
        _quantize(weights, model.buffers[weights.buffer], schema)
        model.operatorCodes.append(_code(schema, dense))
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.builtinOptions.asymmetricQuantizeInputs = True
        return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return content


def _quantize(tensor: Any, buffer: Any, schema: Any) -> None:
    """Replace the float32 values of a constant `tensor` by int8 values with one scale, rounded to nearest."""
    values = np.frombuffer(bytes(buffer.data), np.float32)
    scale = np.float32(np.maximum(np.abs(values).max(), np.finfo(np.float32).tiny) / np.float32(_LARGEST))
    buffer.data = np.frombuffer(np.rint(values / scale).astype(np.int8).tobytes(), np.uint8)
    tensor.type = schema.TensorType.INT8
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = np.array([scale], np.float32)
    tensor.quantization.zeroPoint = np.array([0], np.int64)


def _code(schema: Any, operator: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = _VERSION
    return code
