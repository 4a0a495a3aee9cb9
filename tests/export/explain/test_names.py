"""The layer names in the tensor names that TensorFlow writes."""

from fmnist_export.explain.names import match_names


def test_the_names_are_those_of_keras() -> None:
    known = ["dense", "dense_1", "conv2d", "re_lu"]
    numbered = [
        "mlp_1/dense_1/MatMul;mlp_1/dense_1/Relu",
        "m/re_lu_1/Relu;m/conv2d_1/convolution",
        "m/dense_1_2/MatMul1",
    ]
    assert match_names(numbered, known) == ["dense", "conv2d + re_lu", "dense_1"]
    assert match_names(["m/conv2d_1/conv2d/depthwise", "m/re_lu_1/Relu"], known) == ["conv2d", "re_lu"]
    assert match_names(["mlp/dense/MatMul", "mlp/dense_1/MatMul", "what/ever"], known) == [
        "dense",
        "dense_1",
        "what/ever",
    ]
