"""Samples fit their limits, in order, and are drawn from all."""

from __future__ import annotations

from textrnn.corpus.resample import Sample
from textrnn.reading.reader import Example


def examples(count: int, length: int = 1) -> list[Example]:
    return [Example("x" * length, "a", str(number)) for number in range(count)]


def drawn(texts: list[Example], rows: int, characters: int, seed: int) -> list[Example]:
    sample = Sample(rows, characters, seed)
    for example in texts:
        sample.add(example)
    return sample.examples


def test_few_texts_are_kept_whole() -> None:
    assert drawn(examples(10), 10, 10, seed=1) == examples(10)


def test_of_many_a_random_part_is_kept_in_order() -> None:
    kept = drawn(examples(1000), 100, 1_000_000, seed=1)
    numbers = [int(example.where) for example in kept]
    assert 30 <= len(kept) <= 100
    assert numbers == sorted(numbers)
    assert any(number < 300 for number in numbers) and any(number > 700 for number in numbers)
    assert drawn(examples(1000), 100, 1_000_000, seed=1) == kept != drawn(examples(1000), 100, 1_000_000, seed=2)


def test_long_texts_count_by_their_characters_and_one_is_always_kept() -> None:
    assert sum(len(example.text) for example in drawn(examples(50, 100), 1000, 1000, seed=1)) <= 1000
    assert len(drawn(examples(3, 5000), 1000, 10, seed=1)) == 1
