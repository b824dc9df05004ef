from __future__ import annotations

from pathlib import Path

from scripts.bench.rivals.corpus import Labelled, read_labelled, read_texts


def test_raw_files_are_read_as_they_are(tmp_path: Path) -> None:
    titles = tmp_path / "titles.txt"
    titles.write_text("a\u0085b\t0\nc d\t1\n", encoding="utf-8")
    assert read_labelled(titles) == Labelled(["0", "1"], ["a\u0085b", "c d"])
    reviews = tmp_path / "reviews.csv"
    reviews.write_text('label,text\npos,"good, very ""good"""\nneg,bad\n', encoding="utf-8")
    assert read_labelled(reviews) == Labelled(["pos", "neg"], ['good, very "good"', "bad"])
    texts = tmp_path / "texts.txt"
    texts.write_text("a\u2028b\n\nc\n", encoding="utf-8")
    assert read_texts(texts) == ["a\u2028b", "", "c"]
