#!/usr/bin/env python3
"""The deletion test: do the tokens with the highest contributions in `textrnn explain` matter?

From each text the k tokens that contribute most to its label are removed and, to compare, k tokens drawn at random. The
table shows how much the log-odds of the label fall on average, and how many texts get another label.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import compress, islice
from pathlib import Path

import numpy as np

from textrnn import TextClassifier
from textrnn.commands.prediction_input import InputOptions, examples_of
from textrnn.explaining.explanations import Explanation
from textrnn.explaining.integrated_gradients import log_odds


def without(explanation: Explanation, rows: Sequence[int]) -> str:
    """The text without the characters of these tokens."""
    kept = np.ones(len(explanation.text), dtype=bool)
    for row in rows:
        kept[explanation.tokens[row].start : explanation.tokens[row].end] = False
    return "".join(compress(explanation.text, kept))


def effect(
    classifier: TextClassifier, explanations: Sequence[Explanation], removed: Sequence[Sequence[int]]
) -> tuple[float, float]:
    """The mean fall of the log-odds, and the share of texts with another label. removed: the tokens of each text."""
    logits = classifier.predict_logits([*map(without, explanations, removed)])
    classes = logits.new_tensor([classifier.labels.index(whole.label) for whole in explanations]).long()
    falls = np.asarray([whole.log_odds for whole in explanations]) - log_odds(logits, classes).numpy()
    return float(falls.mean()), float((logits.argmax(dim=1) != classes).float().mean())


def table(classifier: TextClassifier, texts: list[str], counts: Sequence[int], draws: int, seed: int) -> str:
    """A table in Markdown, of the texts with more tokens than are removed; their number stands above it."""
    explanations = [whole for whole in classifier.explain(texts) if len(whole.tokens) > max(counts)]
    values = [np.array([token.value for token in whole.tokens]) for whole in explanations]
    random = np.random.default_rng(seed)
    lines = [
        f"{len(explanations):,} texts with more than {max(counts)} tokens, {draws} random draws each", "",
        "| tokens removed | log-odds fall, highest | random | other label, highest | random |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for count in counts:
        highest = [np.argsort(-row, kind="stable")[:count] for row in values]
        fall, changed = effect(classifier, explanations, highest)
        drawn = []
        for _ in range(draws):
            removed = [random.choice(len(row), count, replace=False) for row in values]
            drawn.append(effect(classifier, explanations, removed))
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
