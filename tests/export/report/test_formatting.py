"""Numbers, lists and JSON as the report writes them."""

from fmnist_export.report.formatting import enumeration, json_text, latency, percent, score


def test_shares_and_scores_never_say_all_or_nothing_where_it_is_not() -> None:
    assert [percent(value) for value in (1, 0.99999, 0.9991, 0.00001, 0)] == [
        "100.00 %",
        "99.99 %",
        "99.91 %",
        "0.01 %",
        "0.00 %",
    ]
    assert [score(value) for value in (1, 0.99999, 0.5, 0.00001, 0)] == ["1.000", ">0.999", "0.500", "<0.001", "0.000"]


def test_latencies_have_three_digits_and_the_unit_that_suits_them() -> None:
    assert [latency(seconds) for seconds in (4.2e-6, 2.3456e-5, 1.17e-4, 9.996e-4, 0.0118, 0.22)] == [
        "4.20 µs",
        "23.5 µs",
        "117 µs",
        "1.00 ms",
        "11.8 ms",
        "220 ms",
    ]
    assert latency(None) == "-"


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [enumeration(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_json_becomes_text() -> None:
    value = {"images": 60000, "sha256": {"a": "b"}, "seeds": [1, None]}
    assert json_text(value) == "images 60000, sha256 (a b), seeds 1 -"
