from __future__ import annotations

import numpy as np

from textrnn.evaluation.comparison_report import chosen_examples, example


def test_examples_are_evenly_spaced_and_of_both_kinds() -> None:
    truth = np.zeros(101, dtype=int)
    one = np.arange(101) % 2  # right on the 51 even ones
    (chosen,) = chosen_examples(truth, [one, 1 - one])
    assert len(chosen.only_first) == len(chosen.only_this) == 20
    assert (chosen.only_first[0], chosen.only_first[-1]) == (0, 100)
    assert (chosen.only_this[0], chosen.only_this[-1]) == (1, 99)
    (chosen,) = chosen_examples(truth[:3], [one[:3], np.zeros(3, dtype=int)])
    assert (chosen.only_first, chosen.only_this) == ([], [1])


def test_long_texts_are_cut_and_control_characters_are_shown_as_escapes() -> None:
    shown = example(["a", "b"], "x" * 203)
    assert (shown.text, shown.more) == ("x" * 200, 3)
    assert example(["a"], "\x1b[31m\u202e").text == "\\x1b[31m\\u202e"
