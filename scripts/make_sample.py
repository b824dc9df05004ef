#!/usr/bin/env python3
"""Write the bundled sample data set: short customer messages, half English, half Chinese, four classes.

The texts come from two grammars of our own, `sample_en.py` and `sample_zh.py`. Word order, negation and
contrast decide the class, so nearly every phrase occurs under several labels. Notation of a grammar:

* a domain has `parts`, each `noun|copula|good/good/...|bad/bad/...`, and slash-separated lists of what
  customers ask (`direct|indirect`, or one form if both are the same), what they want done, and neutral
  scenes; the pools hold phrases that fit any domain;
* `{slot}` stands for a phrase. `{good_a}` is a clause praising part a, `{bad_b}` one criticizing part b; in
  the frames shared by praise and complaint, `{x_..}` is the writer's verdict and `{y_..}` its opposite;
* `#5` becomes five random digits; an entry beginning with `~` is reserved for the test file, so that
  memorizing the frames and fillers of the training file is not enough.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from itertools import product
from types import ModuleType

import sample_en
import sample_zh
from prepare_common import encode_rows, main, report, write_all

SEED = 20240607
CLASSES = ("praise", "complaint", "question", "request")
ROWS_PER_CLASS_AND_LANGUAGE = {"train": 200, "test": 50}
PLAIN_SHARE = 0.6  # of verdicts; the others name both sides, which a bag of words cannot tell apart


class Message:
    """The phrases of one message. Each slot is filled once, so a frame can repeat it."""

    def __init__(self, grammar: ModuleType, label: str, unseen: bool, rng: random.Random) -> None:
        self.grammar, self.label, self.unseen, self.rng = grammar, label, unseen, rng
        self.domain = rng.choice(grammar.DOMAINS)
        self.phrases: dict[str, str] = {}
        self._fill_parts()
        self._fill_wishes()

    def pick(self, entries: list[str]) -> str:
        """Draw an entry; those reserved for the test file are only drawn for test messages."""
        allowed = [entry for entry in entries if self.unseen or not entry.startswith("~")]
        return self.rng.choice(allowed).removeprefix("~")

    def pick_two(self, entries: list[str]) -> tuple[str, str]:
        first = self.pick(entries)
        return first, self.pick([entry for entry in entries if entry.removeprefix("~") != first])

    def _fill_parts(self) -> None:
        verdict = "good" if self.label == "praise" else "bad"
        for name, part in zip("ab", self.pick_two(self.domain["parts"]), strict=True):
            noun, copula, good, bad = part.split("|")
            self.phrases |= {f"noun_{name}": noun, f"be_{name}": copula}
            for side, adjectives in (("good", good), ("bad", bad)):
                role = "x" if side == verdict else "y"
                adjective = self.pick(adjectives.split("/"))
                clause = self.grammar.GAP.join(word for word in (noun, copula, adjective) if word)
                self.phrases |= {f"{side}_{name}": clause, f"{role}_{name}": clause}
                self.phrases.setdefault(f"{role}_adj", adjective)  # of part a
        self.phrases["end"] = "{again}" if verdict == "good" else "{never}"

    def _fill_wishes(self) -> None:
        for suffix, ask in zip(("", "2"), self.pick_two(self.domain["asks"].split("/")), strict=True):
            direct, _, indirect = ask.partition("|")
            self.phrases |= {f"ask{suffix}": direct, f"ask_if{suffix}": indirect or direct}
        self.phrases["want"], self.phrases["want2"] = self.pick_two(self.domain["wants"].split("/"))
        self.phrases["scene"] = self.pick(self.domain["scenes"].split("/"))

    def expand(self, template: str) -> str:
        """Replace slots until none is left; phrases may contain slots themselves."""
        while match := re.search(r"\{(\w+)\}", template):
            template = template[: match.start()] + self._phrase(match[1]) + template[match.end() :]
        return template

    def _phrase(self, slot: str) -> str:
        if slot not in self.phrases:
            phrase = self.pick(self.grammar.POOLS[slot].split("/"))
            self.phrases[slot] = re.sub(r"#(\d)", self._digits, phrase)
        return self.phrases[slot]

    def _digits(self, mark: re.Match[str]) -> str:
        count = int(mark[1])
        return str(self.rng.randrange(10 ** (count - 1), 10**count))

    def compose(self) -> str:
        """A frame of the class, sometimes surrounded by sentences without information about it."""
        rng = self.rng
        core = self.pick(self._frames())
        before = [extra for extra, share in (("{scene}", 0.3), ("{aside}", 0.15)) if rng.random() < share]
        after = ["{aside}"] if "{aside}" not in before and rng.random() < 0.12 else []
        after += ["{close}"] if rng.random() < 0.2 else []
        sentences = [self._ended(self.expand(sentence)) for sentence in (*before, core, *after)]
        opening = [self.expand("{open}")] if rng.random() < 0.2 else []
        text = self.grammar.GAP.join(opening + sentences)
        if not self.grammar.GAP:
            return text if rng.random() < 0.6 else text.removesuffix(self.grammar.FULL_STOP)
        return text if rng.random() < 0.15 else capitalize_sentences(text)

    def _frames(self) -> list[str]:
        if self.label not in ("praise", "complaint"):
            return self.grammar.FRAMES[self.label]
        if self.rng.random() < PLAIN_SHARE:
            return self.grammar.PLAIN_VERDICTS
        return self.grammar.CONTRAST_VERDICTS + self.grammar.FRAMES[self.label]

    def _ended(self, sentence: str) -> str:
        if sentence[-1] in "?？":
            return sentence
        return sentence + (self.grammar.EXCLAMATION if self.rng.random() < 0.1 else self.grammar.FULL_STOP)


def capitalize_sentences(text: str) -> str:
    return re.sub(r"(^|[.!?] )([a-z])", lambda match: match[1] + match[2].upper(), text)


def fingerprint(text: str) -> str:
    """The text without case, digits and punctuation; rows with equal fingerprints are near-duplicates."""
    return re.sub(r"[\W\d_]+", "", text.lower())


def make_rows(split: str, seen: set[str], rng: random.Random) -> list[str]:
    """The rows of one file, balanced by class and language, without near-duplicates of texts in `seen`."""
    rows: list[str] = []
    for grammar, label in product((sample_en, sample_zh), CLASSES):
        target = len(rows) + ROWS_PER_CLASS_AND_LANGUAGE[split]
        while len(rows) < target:
            text = Message(grammar, label, split == "test", rng).compose()
            length = len(text.split() if grammar.GAP else text)
            if length in grammar.LENGTHS and fingerprint(text) not in seen:
                seen.add(fingerprint(text))
                rows.append(f"{label}\t{text}")
    rng.shuffle(rows)
    return rows


def write_sample(options: argparse.Namespace) -> None:
    rng = random.Random(SEED)
    seen: set[str] = set()
    splits = {split: make_rows(split, seen, rng) for split in ROWS_PER_CLASS_AND_LANGUAGE}
    write_all({options.output / f"{split}.tsv": encode_rows(rows) for split, rows in splits.items()})
    for split, rows in splits.items():
        report(options.output / f"{split}.tsv", len(rows), len(CLASSES))


if __name__ == "__main__":
    sys.exit(main(write_sample, "Write the bundled sample: train.tsv and test.tsv.", "sample"))
