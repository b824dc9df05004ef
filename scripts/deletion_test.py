#!/usr/bin/env python3
"""Do the tokens matter that `textrnn explain` says matter? The deletion test.

From each text the k tokens are removed that speak most for its label, and, to compare, k tokens drawn at random. The
table shows how much the log-odds of the label fall on average, and how many texts get another label.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from textrnn import TextClassifier
from textrnn.commands.prediction_input import InputOptions, examples_of
from textrnn.explaining.explanations import Contribution, Explanation
from textrnn.explaining.integrated_gradients import log_odds


def without(text: str, tokens: Sequence[Contribution]) -> str:
    """The text without the characters of these tokens."""
    kept = np.ones(len(text), dtype=bool)
    for token in tokens:
        kept[token.start : token.end] = False
    return "".join(character for character, keep in zip(text, kept, strict=True) if keep)


def strongest(explanation: Explanation, count: int) -> list[Contribution]:
    return sorted(explanation.tokens, key=lambda token: -token.value)[:count]


def effect(classifier: TextClassifier, before: Sequence[Explanation], texts: list[str]) -> tuple[float, float]:
    """By how much the log-odds fall on average, and the share of texts with another label. before: of the whole texts;
    texts: what is left of them."""
    logits = classifier.predict_logits(texts)
    classes = logits.new_tensor([classifier.labels.index(each.label) for each in before]).long()
    falls = np.asarray([each.log_odds for each in before]) - log_odds(logits, classes).numpy()
    return float(falls.mean()), float((logits.argmax(dim=1) != classes).float().mean())


def table(classifier: TextClassifier, texts: list[str], counts: Sequence[int], draws: int, seed: int) -> str:
    """In Markdown, with the number of texts above it: those with more tokens than are removed at most."""
    explained = [each for each in classifier.explain(texts) if len(each.tokens) > max(counts)]
    random = np.random.default_rng(seed)
    lines = [
        f"{len(explained):,} texts with more than {max(counts)} tokens, {draws} random draws each", "",
        "| tokens removed | log-odds fall, highest | random | other label, highest | random |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for count in counts:
        fall, changed = effect(
            classifier, explained, [without(each.text, strongest(each, count)) for each in explained]
        )
        drawn = []
        for _ in range(draws):
            picked = [random.choice(len(each.tokens), count, replace=False) for each in explained]
            left = [
                without(each.text, [each.tokens[at] for at in of_one])
                for each, of_one in zip(explained, picked, strict=True)
            ]
            drawn.append(effect(classifier, explained, left))
        random_fall, random_changed = np.mean(drawn, axis=0)
        lines.append(f"| {count} | {fall:.2f} | {random_fall:.2f} | {changed:.1%} | {random_changed:.1%} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("file", metavar="FILE", help="texts, read as `textrnn predict` reads them")
    parser.add_argument("--texts", type=int, default=500, metavar="N", help="the first N of them (500)")
    parser.add_argument("--remove", type=int, nargs="+", default=[1, 2, 3], metavar="K", help="tokens (1 2 3)")
    parser.add_argument("--draws", type=int, default=5, metavar="N", help="random removals of each text (5)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    classifier = TextClassifier.load(options.run)
    examples = examples_of(options.file, classifier, InputOptions(), lambda: None)
    texts = [example.text for example in islice(examples, options.texts)]
    print(table(classifier, texts, options.remove, options.draws, options.seed))


if __name__ == "__main__":
    main()
