from __future__ import annotations

import json

from textrnn.runtime.terminal import json_text, one_line, visible


def test_one_line() -> None:
    assert one_line("a\tb\r\nc\u2028d\x85e") == "a b  c d e"


ODD = "".join(map(chr, range(0x20))) + "\x7f\x85\x9b\u2028\u202e\u2066 体é👩\u200d💻\\"


def test_control_characters_are_made_visible() -> None:
    assert (
        visible("a\x1b[31m\tb\rc\x9bd\u202ee\x00\n体é👩\u200d💻")
        == r"a\x1b[31m\tb\rc\x9bd\u202ee\x00" + "\n体é👩\u200d💻"
    )


def test_json_has_the_same_content_and_no_control_characters() -> None:
    text = json_text({ODD: [ODD]})
    assert json.loads(text) == {ODD: [ODD]}
    assert text == visible(text)
    assert "体é👩" in text
