"""Texts without labels: each distinct one once, without held-out texts, in bounded memory."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable

from textrnn.corpus.splits import Splits
from textrnn.corpus.writer import text_hash
from textrnn.runtime.terminal import count_of

MOST_TEXTS, MOST_CHARACTERS = 200_000, 100_000_000


class UnlabelledTexts:
    """The distinct texts that are added, but those of `splits`, or a random sample of them within both limits. It
    depends on the seed and the texts, but not on their order.

    count: the number of texts added. held_out: of texts that are equal to one of dev or test. labelled: of those equal
    to a training text. repeated: of those equal to one before. empty: of those of white space alone.
    """

    def __init__(self, splits: Splits, seed: int) -> None:
        train, dev = splits.hashes["train"], splits.dev_rows if splits.dev_is_part_of_train else None
        self.labelled_hashes = {*train[splits.train_rows].tolist()}
        held_out = [*splits.hashes.get("dev", ()), *splits.hashes.get("test", ()), *(() if dev is None else train[dev])]
        self.held_out_hashes = {int(digest) for digest in held_out}
        self.key = f"unlabelled {seed}".encode()
        self.waiting: list[tuple[int, str]] = []  # a heap: the last place first
        self.places: set[int] = set()
        self.characters, self.end = 0, 1 << 64
        self.count = self.held_out = self.labelled = self.repeated = self.empty = 0

    def add(self, text: str) -> None:
        self.count += 1
        digest = int.from_bytes(text_hash(text), "little")
        if digest in self.held_out_hashes:
            self.held_out += 1
            return
        if digest in self.labelled_hashes or not text.strip():
            self.labelled += digest in self.labelled_hashes
            self.empty += not text.strip()
            return
        place = int.from_bytes(
            hashlib.blake2b(digest.to_bytes(8, "little"), digest_size=8, key=self.key).digest(), "little"
        )
        if place >= self.end or place in self.places:
            self.repeated += place in self.places
            return
        heapq.heappush(self.waiting, (-place, text))
        self.places.add(place)
        self.characters += len(text)
        while len(self.waiting) > MOST_TEXTS or self.characters > MOST_CHARACTERS:
            last, dropped = heapq.heappop(self.waiting)
            self.end = -last
            self.places.remove(self.end)
            self.characters -= len(dropped)

    @property
    def is_sample(self) -> bool:
        return self.end < 1 << 64

    @property
    def texts(self) -> list[str]:
        return [text for _, text in sorted(self.waiting, reverse=True)]

    def summary(self) -> str:
        """A line for the log."""
        reasons = [
            f"{self.held_out:,} left out, equal to texts of dev or test" * (self.held_out > 0),
            f"{self.labelled:,} equal to labelled ones" * (self.labelled > 0),
            f"{self.repeated:,} repeated" * (self.repeated > 0 and not self.is_sample),
            f"{self.empty:,} empty" * (self.empty > 0),
            "the others are too many and were drawn at random" * self.is_sample,
        ]
        notes = "; ".join(filter(None, reasons))
        used = count_of(len(self.waiting), "text")
        return f"unlabelled: {used} of {self.count:,}" + f" ({notes})" * bool(notes)


def distinct_texts(texts: Iterable[str], splits: Splits, seed: int) -> list[str]:
    """The texts that `UnlabelledTexts` takes of these."""
    distinct = UnlabelledTexts(splits, seed)
    for text in texts:
        distinct.add(text)
    return distinct.texts
