"""An explanation as text."""

from fmnist_export.explain.result import Explanation, Layer
from fmnist_export.explain.text import summary, table

_HIDDEN = Layer(
    name="a_hidden_layer + its_normalization + its_activation",
    operator="DEPTHWISE_CONV_2D",
    dtype="int8",
    sqnr_db=41.25,
    weights_sqnr_db=None,
    weight_scales=(0.01, 0.02),
    lowest=-1.5e-10,
    highest=123.4,
    representable=(-2.0, 4.5),
    scale=0.025,
    zero_point=-128,
    at_least=0.125,
    at_greatest=1.0,
    clipped=0.0,
    cost=-0.0123,
    share=1.0,
)


def test_the_tables_fit_80_columns_and_say_all_of_a_layer() -> None:
    lines = table(Explanation("int8", "litert", "2.3.0", 4000, 500, 0.988, 1.0, (_HIDDEN,))).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].split()[2:] == ["its_normali…", "DEPTHWISE_CONV_2D", "41.2", "-", "-0.0123", "100%"]
    assert lines[4].split()[-7:] == ["-1.5e-10", "123", "0.025", "-128", "12.50%", "100.00%", "0.00%"]
    sentence = " ".join(lines[6:])
    assert sentence.startswith("int8 agrees with Keras on 0.9880 of 4,000 held-out training images (litert 2.3.0); a_")


def test_the_summary_names_the_costliest_layer() -> None:
    found = Explanation("int8", "litert", "2.3.0", 4000, 500, 0.988, 1.0, (_HIDDEN,))
    words = "costs most: -0.0123 is lost at its step, 100 % of the loss by rounding"
    assert summary(found).endswith(f"(DEPTHWISE_CONV_2D) {words}")
