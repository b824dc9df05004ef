"""Figures about the data of a run, to print."""

from __future__ import annotations

import numpy as np

from textrnn.corpus.splits import Splits
from textrnn.runtime.terminal import count_of
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import UNK

_TEXTS_AT_ONCE = 1024
_MANY_CUT = 0.25  # a larger share of texts cut at max_length is worth a warning


def statistics(splits: Splits, max_length: int) -> list[str]:
    """Lines to print. max_length: tokens at which texts are cut."""
    lines = [f"vocabulary: {len(splits.vocab):,} entries of {splits.type_count:,} distinct tokens"]
    for name, texts in splits.parts.items():
        line = f"{name}: {count_of(len(texts), 'text')}"
        if name != "test":
            counted = sum(count for _, count in splits.counts)
            known = counted / int(texts.lengths.sum()) if name == "train" else known_share(texts)
            line += f"; {100 * known:.2f} % of tokens known, {100 * (1 - known):.2f} % <unk>"
        lines.append(line)
    lengths = splits.lengths["train"][splits.train_rows]
    median, p95, p99, longest = length_quantiles(lengths, 50, 95, 99, 100)
    cut = np.count_nonzero(lengths > max_length) / len(lengths)
    lines.append(f"tokens per text: median {median:,}, 95th percentile {p95:,}, 99th {p99:,}, maximum {longest:,}")
    lines.append(f"longer than data.max_length {max_length:,}: {100 * cut:.2f} % of the texts")
    sizes = zip(splits.labels, splits.sizes("train"), strict=True)
    return lines + [f"label {label}: {count_of(size, 'training text')}" for label, size in sizes]


def cut_warning(name: str, lengths: np.ndarray, max_length: int) -> str | None:
    """For texts (n,) of which many are longer than max_length; None if few are."""
    cut = np.count_nonzero(lengths > max_length)
    if cut <= _MANY_CUT * len(lengths):
        return None
    (enough,) = length_quantiles(lengths, 95)
    return (
        f"{100 * cut / len(lengths):.0f} % of the {name} texts are cut at data.max_length {max_length:,}; --set "
        f"data.max_length={enough} reads 95 % of them whole"
    )


def known_share(texts: EncodedTexts) -> float:
    """The share of all tokens, up to where texts are cut, that the vocabulary has."""
    assert texts.id_map is not None
    known = sum(int((texts.id_map[block] != UNK).sum()) for block in texts.flat_blocks())
    return known / int(texts.lengths.sum())


def unknown_shares(texts: EncodedTexts) -> np.ndarray:
    """(n,) float32: the share of each text's tokens, up to where it is cut, that the vocabulary lacks."""
    assert texts.id_map is not None
    shares, begin = np.empty(len(texts), np.float32), 0
    for block in texts.flat_blocks(_TEXTS_AT_ONCE):
        lengths = texts.lengths[begin : begin + _TEXTS_AT_ONCE]
        unknown = np.add.reduceat(texts.id_map[block] == UNK, np.cumsum(lengths) - lengths, dtype=np.int64)
        shares[begin : begin + len(lengths)] = unknown / lengths
        begin += len(lengths)
    return shares


def length_quantiles(lengths: np.ndarray, *percents: int) -> list[int]:
    """The least length that these percents of lengths (n,) do not exceed."""
    ascending = np.sort(lengths)
    return [int(ascending[-(-percent * len(lengths) // 100) - 1]) for percent in percents]
