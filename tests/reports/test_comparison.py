from __future__ import annotations

import numpy as np

from textrnn.reports.comparison import chosen_examples, comparison_lines, comparison_text, config_line, example


def test_examples_are_evenly_spaced_and_of_both_kinds() -> None:
    truth = np.zeros(101, dtype=int)
    one = np.arange(101) % 2  # right on the 51 even ones
    ((only_first, only_this),) = chosen_examples(truth, [one, 1 - one])
    assert len(only_first) == len(only_this) == 20
    assert (only_first[0], only_first[-1], only_this[0], only_this[-1]) == (0, 100, 1, 99)
    assert chosen_examples(truth[:3], [one[:3], np.zeros(3, dtype=int)]) == [([], [1])]


def test_long_texts_are_cut_and_control_characters_are_shown_as_escapes() -> None:
    assert example(["a", "b"], "x" * 203) == (["a", "b"], "x" * 200, 3)
    assert example(["a"], "\x1b[31m\u202e") == (["a"], "\\x1b[31m\\u202e", 0)


def test_config_values_are_shown_as_in_yaml() -> None:
    line = config_line({"key": "data.train", "values": [None, ["a.csv", "b\x1b.csv"], True]})
    assert line == "data.train: null | a.csv, b\\x1b.csv | true"


def test_the_sign_of_the_differences_of_classes_is_stated() -> None:
    scores = {"label": "bad", "f1": [0.8, 0.25], "difference": -0.55, "interval": [-0.9, 0.1], "support": 5}
    comparison = {
        "with": "glove", "run": "cw", "sentence": "unclear", "classes": [scores], "resamples": 9,
        "mcnemar": {"p": 1},
        "texts": {"both_right": 1, "only_first_right": 1, "only_this_right": 1, "both_wrong": 1},
    }  # fmt: skip
    text = "\n".join(comparison_lines(comparison, None))
    assert "in points of cw minus glove" in text and "-55.0" in text


def test_columns_align_below_wide_names() -> None:
    scores = {"accuracy": 0.5, "macro_f1": 0.25, "loss": 1.0, "parameters": 1234, "model_bytes": 1_500_000}
    runs = [{"name": "运行", "training_seconds": None, **scores}, {"name": "b", "training_seconds": 9.96, **scores}]
    data = {"n": 1, "split": "test", "paths": ["x.tsv"]}
    text = comparison_text({"data": data, "runs": runs, "comparisons": [], "config_differences": []})
    assert text.split("\n") == [
        "1 text: the test file x.tsv",
        "",
        "      accuracy  macro-F1    loss  training  parameters  model/",
        "运行    0.5000    0.2500  1.0000         -       1,234  1.5 MB",
        "b       0.5000    0.2500  1.0000    10.0 s       1,234  1.5 MB",
        "",
        "The configs do not differ.",
        "",
    ]
