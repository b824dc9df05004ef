"""Statistics of the data of a run, to print and to compare with those of other texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.corpus.splits import Splits
from textrnn.runtime.terminal import count_of
from textrnn.texts.targets import Targets
from textrnn.texts.tokenizer import spread
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import UNK

_TEXTS_AT_ONCE = 1024
_TEXTS_SAMPLED = 4096  # enough for a mean share that is exact to 0.01
_MANY_CUT = 0.25  # a larger share of texts cut at max_length is worth a warning


def describe_splits(splits: Splits, max_length: int) -> dict[str, Any]:
    """Sizes, lengths, coverage and label counts; docs/reference/json.md describes the keys. max_length: tokens at which
    texts are cut."""
    return {
        "labels": splits.labels,
        "vocabulary": {"size": len(splits.vocab), "distinct_tokens": splits.type_count},
        "max_length": max_length,
        "splits": {name: _describe_part(splits, name, max_length) for name in splits.parts},
    }


def _describe_part(splits: Splits, name: str, max_length: int) -> dict[str, Any]:
    texts, is_part_of_train = splits.parts[name], name == "dev" and splits.dev_is_part_of_train
    in_files = splits.lengths["train" if is_part_of_train else name]
    lengths = in_files[{"train": splits.train_rows, "dev": splits.dev_rows}.get(name, slice(None))]
    all_lengths = in_files if splits.skips_empty and not is_part_of_train else lengths  # with the texts left out
    if name == "train":  # the counts of the vocabulary give it
        known = sum(count for _, count in splits.counts) / int(texts.lengths.sum())
    else:
        known = known_share(texts)
    median, p95, p99, longest = length_quantiles(lengths, 50, 95, 99, 100)
    return {
        "n": len(texts),
        "empty": int(np.count_nonzero(all_lengths == 0)),
        "tokens": {"median": median, "p95": p95, "p99": p99, "max": longest},
        "cut": cut_share(lengths, max_length),
        "unknown": 1 - known,
        "label_counts": dict(zip(splits.labels, splits.sizes(name), strict=True)),
        **_describe_targets(texts.targets),
    }


def _describe_targets(targets: Targets | None) -> dict[str, Any]:
    """The number of texts with several probable classes, and the range of the weights."""
    soft, weights = 0, None
    if targets is not None and targets.probabilities is not None:
        soft = int(np.count_nonzero(np.diff(targets.probabilities.indptr) > 1))
    if targets is not None and targets.weights is not None:
        own = targets.weights
        weights = {"min": float(own.min()), "mean": float(own.mean(dtype=np.float64)), "max": float(own.max())}
    return {"soft_labels": soft, "weights": weights}


def statistics_lines(statistics: dict[str, Any]) -> list[str]:
    """Lines to print. statistics: the result of `describe_splits`."""
    vocabulary, train = statistics["vocabulary"], statistics["splits"]["train"]
    lines = [f"vocabulary: {vocabulary['size']:,} entries of {vocabulary['distinct_tokens']:,} distinct tokens"]
    for name, part in statistics["splits"].items():
        line = f"{name}: {count_of(part['n'], 'text')}"
        if name != "test":
            unknown = part["unknown"]
            line += f"; {100 * (1 - unknown):.2f} % of tokens known, {100 * unknown:.2f} % <unk>"
        lines.append(line)
    tokens = train["tokens"]
    lines.append(
        f"tokens per text: median {tokens['median']:,}, 95th percentile {tokens['p95']:,}, 99th {tokens['p99']:,}, "
        f"maximum {tokens['max']:,}"
    )
    lines.append(f"longer than data.max_length {statistics['max_length']:,}: {100 * train['cut']:.2f} % of the texts")
    lines += target_lines(statistics)
    sizes = train["label_counts"].items()
    return lines + [f"label {label}: {count_of(size, 'training text')}" for label, size in sizes]


def target_lines(statistics: dict[str, Any]) -> list[str]:
    """Lines about soft labels and weights, if there are any. statistics: as for `statistics_lines`."""
    lines = []
    for name, part in statistics["splits"].items():
        if part["soft_labels"]:
            lines.append(
                f"soft labels: {part['soft_labels']:,} of {count_of(part['n'], f'{name} text')} have probabilities of "
                f"several labels; counts and scores take the most probable one"
            )
        if part["weights"] is not None and name == "train":
            low, mean, high = (part["weights"][key] for key in ("min", "mean", "max"))
            lines.append(f"weights of the training texts: {low:.4g} to {high:.4g}, mean {mean:.4g}")
    return lines


def cut_share(lengths: np.ndarray, max_length: int) -> float:
    """The share of texts, of lengths (n,), with more than max_length tokens."""
    return int(np.count_nonzero(lengths > max_length)) / len(lengths)


def cut_warning(name: str, lengths: np.ndarray, max_length: int) -> str | None:
    """A warning if many texts, of lengths (n,), are longer than max_length; None if few are."""
    enough = enough_tokens(lengths, max_length)
    if enough is None:
        return None
    return (
        f"{100 * cut_share(lengths, max_length):.0f} % of the {name} texts are cut at data.max_length {max_length:,}; "
        f"--set data.max_length={enough} reads 95 % of them whole"
    )


def enough_tokens(lengths: np.ndarray, max_length: int) -> int | None:
    """A max_length that leaves 95 % of texts, of lengths (n,), uncut, if many exceed max_length; None if few do."""
    if cut_share(lengths, max_length) <= _MANY_CUT:
        return None
    return length_quantiles(lengths, 95)[0]


def known_share(texts: EncodedTexts) -> float:
    """The share of all tokens, in cut texts, that the vocabulary has."""
    assert texts.id_map is not None
    known = sum(int((texts.id_map[block] != UNK).sum()) for block in texts.flat_blocks())
    return known / int(texts.lengths.sum())


def unknown_shares(texts: EncodedTexts) -> np.ndarray:
    """(n,) float32: the share of tokens in each cut text that the vocabulary lacks."""
    assert texts.id_map is not None
    shares, begin = np.empty(len(texts), np.float32), 0
    for block in texts.flat_blocks(_TEXTS_AT_ONCE):
        lengths = texts.lengths[begin : begin + _TEXTS_AT_ONCE]
        unknown = np.add.reduceat(texts.id_map[block] == UNK, np.cumsum(lengths) - lengths, dtype=np.int64)
        shares[begin : begin + len(lengths)] = unknown / lengths
        begin += len(lengths)
    return shares


def expected_unknown_share(splits: Splits, min_count: int) -> float:
    """The share of unknown tokens to expect in a new text: the mean over training texts, each compared with the counts
    in all others. min_count: the least count of a token in the vocabulary."""
    sample = np.asarray(spread(range(len(splits.train)), _TEXTS_SAMPLED))
    if splits.train.is_empty is not None:
        sample = sample[~splits.train.is_empty[sample]]
    if not len(sample):
        return 0.0
    texts, shares = splits.train.rows(sample), []
    assert texts.id_map is not None
    counts = np.asarray([0, 0, *(count for _, count in splits.counts)])  # <pad> and <unk> have no counts
    for begin, block in zip(range(0, len(texts), _TEXTS_AT_ONCE), texts.flat_blocks(_TEXTS_AT_ONCE), strict=True):
        lengths, ids = texts.lengths[begin : begin + _TEXTS_AT_ONCE], texts.id_map[block].astype(np.int64)
        rows = np.repeat(np.arange(len(lengths)), lengths)
        _, place, own = np.unique(rows * len(counts) + ids, return_inverse=True, return_counts=True)
        unknown = np.bincount(rows, weights=counts[ids] - own[place] < min_count)
        shares.append(unknown / lengths)
    return float(np.concatenate(shares).mean())


def length_quantiles(lengths: np.ndarray, *percents: int) -> list[int]:
    """For each percentage, the least length that so many of the lengths (n,) do not exceed."""
    ascending = np.sort(lengths)
    return [int(ascending[-(-percent * len(lengths) // 100) - 1]) for percent in percents]
