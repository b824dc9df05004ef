"""How texts are spread over classes and splits, and how well train covers dev and test. Only `check` reports this."""

from __future__ import annotations

from collections.abc import Iterator

from textrnn.checking.findings import Finding, first
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import known_share
from textrnn.errors import short

FEW_TEXTS = 10  # of a class: too few to learn it well, and to judge it
_IMBALANCED = 10.0  # how many times as many texts the largest class has as the smallest
_MUCH_UNKNOWN, _FAR_TOO_MUCH_UNKNOWN = 0.1, 0.25  # shares of tokens
_SHOWN = 5


def find_disproportions(splits: Splits, folds: int) -> Iterator[Finding]:
    """folds: of cross-fitting."""
    sizes = dict(zip(splits.labels, splits.sizes("train"), strict=True))
    if small := {label: size for label, size in sizes.items() if 1 < size < FEW_TEXTS}:
        in_folds = splits.folds is not None and min(small.values()) < folds
        reason = f"; with fewer than train.folds {folds}, some networks are not judged on them" if in_folds else ""
        has = "class has" if len(small) == 1 else "classes have"
        yield Finding(
            "classes",
            f"{len(small):,} {has} fewer than {FEW_TEXTS} training texts, too few to learn or to judge{reason}",
            severe=in_folds,
            remedy="label more texts of them, or merge them with other classes",
            examples=first([f"{short(label)}: {size} texts" for label, size in small.items()], _SHOWN),
        )
    smallest, largest = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    if sizes[smallest] >= FEW_TEXTS and sizes[largest] >= _IMBALANCED * sizes[smallest]:
        yield Finding(
            "classes",
            f"the largest class, {short(largest)}, has {sizes[largest] / sizes[smallest]:.0f} times as many training "
            f"texts as the smallest, {short(smallest)} ({sizes[largest]:,} and {sizes[smallest]:,})",
            remedy="look at macro-F1 rather than accuracy; --set train.class_weights=balanced finds more of small "
            "classes",
        )
    for name in list(splits.parts)[1:]:
        yield from _coverage(splits, name, sizes)
    if splits.test is None:
        yield Finding(
            "splits",
            "there is no test file: scores come from texts that were used to choose the model",
            remedy="hold some labelled texts out, and name them with --set data.test=FILE",
        )


def _coverage(splits: Splits, name: str, sizes: dict[str, int]) -> Iterator[Finding]:
    """Of dev or test. sizes: label -> the number of training texts."""
    own_sizes = dict(zip(splits.labels, splits.sizes(name), strict=True))
    missing = [label for label, size in sizes.items() if size > 1 and not own_sizes[label]]
    if missing:
        has, them = ("class has", "it") if len(missing) == 1 else ("classes have", "them")
        yield Finding(
            "classes",
            f"{len(missing):,} {has} no {name} text, so scores say nothing of {them}",
            remedy=f"add texts of each class to {name}",
            examples=first([short(label) for label in missing], _SHOWN),
        )
    unknown = 1 - known_share(splits.parts[name])
    if unknown > _MUCH_UNKNOWN:
        yield Finding(
            "vocabulary",
            f"{100 * unknown:.1f} % of the {name} tokens are unknown: they are not in the vocabulary of train",
            severe=unknown > _FAR_TOO_MUCH_UNKNOWN,
            remedy="do both come from the same source? A larger vocab.max_size, a vocab.min_count of 1 or "
            "tokenizer.kind=char know more",
        )
