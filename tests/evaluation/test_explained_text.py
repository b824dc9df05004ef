from __future__ import annotations

import json

from textrnn.evaluation.explanation_report import jsonl_line, record, segments, top_words
from textrnn.evaluation.explanations import Contribution, Explanation


def explained(text: str, *tokens: tuple[str, int, int, float], label: str = "sport") -> Explanation:
    total = sum(token[3] for token in tokens)
    found = [Contribution(*token) for token in tokens]
    return Explanation(text, label, 0.75, "sport", -2 + total, -2.0, found, 0.0, False)


GAME = explained("a goal, a Goal", ("a", 0, 1, -0.5), ("goal", 2, 6, 2.0), (",", 6, 7, 0.001), ("a", 8, 9, 0.25),
                 ("goal", 10, 14, 1.5))  # fmt: skip


def test_the_record_of_a_text() -> None:
    assert record(GAME, coloured=False) == (
        "sport  0.7500  a goal, a Goal\n"
        "  log-odds 1.25 = baseline -2.00 + 3.25 from tokens\n"
        "  for      +3.50 goal ×2\n"
        "  against  -0.25 a ×2\n"
        "\n"
    )


def test_another_label_than_the_predicted_one_is_told() -> None:
    assert record(GAME._replace(label="food"), coloured=False).startswith("food (predicted: sport)  0.7500  a goal")


def test_colours_follow_contributions() -> None:
    (line, *_) = record(GAME, coloured=True).split("\n")
    strong, weak, against = (f"\x1b[38;5;16;48;5;{shade}m" for shade in (75, 195, 223))
    end = "\x1b[0m"
    assert line == f"sport  0.7500  {against}a{end} {strong}goal{end}, {weak}a{end} {strong}Goal{end}"


def test_a_text_without_tokens_and_one_of_unknown_words_are_told() -> None:
    assert "  the text has no tokens\n" in record(explained(""), coloured=True)
    unknown = record(explained("qq", ("qq", 0, 2, 0.0)), coloured=False)
    assert "  no token makes a difference: the model knows none of them\n" in unknown


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = "\x1b[31mred\u202e\tx"
    for coloured in (False, True):
        shown = record(explained(text, ("\x1b", 0, 1, 1.0), ("\u202e", 8, 9, -1.0)), coloured=coloured)
        for code in ("\x1b[31m", "\u202e", "\t"):
            assert code not in shown


def test_segments_cover_the_text_and_join_tokens_of_one_character() -> None:
    half = explained("x ½!", ("x", 0, 1, 1.0), ("1", 2, 3, 0.5), ("⁄", 2, 3, 0.25), ("2", 2, 3, 0.0))
    assert list(segments(half, 100)) == [("x", 1.0), (" ", None), ("½", 0.75), ("!", None)]
    assert list(segments(half, 1)) == [("x", 1.0)]
    assert top_words(half)[0][0] == ("x", 1.0, 1)


def test_a_long_text_is_cut_where_it_is_shown() -> None:
    long = explained("ab " * 3000, *(("ab", 3 * number, 3 * number + 2, 1.0) for number in range(3000)))
    assert "… and 1,000 more tokens\n" in record(long, coloured=True)
    assert len(record(long, coloured=False).split("\n")[0]) < 250


def test_jsonl_has_these_keys() -> None:
    item = json.loads(jsonl_line(explained("x\u2028y", ("x", 0, 1, 1.0))))
    assert item == {
        "text": "x\u2028y", "label": "sport", "probability": 0.75, "baseline": -2.0,
        "tokens": [{"token": "x", "start": 0, "end": 1, "contribution": 1.0}],
    }  # fmt: skip
