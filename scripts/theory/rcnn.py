"""The contexts of a word in a recurrent convolutional network (Lai et al. 2015, equations 1 and 2).

The left context of word i is computed from the words before it, the right one from those after it; the word itself is
in neither, but is put between them. So each word of a text is changed in turn, to see which contexts change.
"""

from __future__ import annotations

import torch

from textrnn.config import ModelConfig
from textrnn.models.build import build_network
from textrnn.models.recurrent import RCNN

WORDS = ["the", "soup", "was", "cold", "but", "the", "bread", "good"]
CHANGED = len(WORDS) + 1  # the id of a word that is not in the text


def contexts(network: RCNN, token_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Left and right contexts (T, hidden_size) of each word of one text (T,)."""
    inputs = network.embedding(token_ids.unsqueeze(1))
    left, right = network.contexts(inputs, torch.tensor([len(token_ids)]))
    return left.squeeze(1), right.squeeze(1)


def what_changes(num_layers: int = 1) -> list[list[str]]:
    """A line for each word that is changed. Its marks at each place of the text: L and R if the left and the right
    context of the word there change, * for the word itself, . if nothing changes."""
    torch.manual_seed(1)
    config = ModelConfig(architecture="rcnn", cell="rnn", hidden_size=8, num_layers=num_layers, ngrams=1)
    network = build_network(config, vocab_size=CHANGED + 1, num_classes=2).eval()
    assert isinstance(network, RCNN)
    text, lines = torch.arange(1, len(WORDS) + 1), []
    with torch.inference_mode():
        before = contexts(network, text)
        for changed in range(len(text)):
            after = contexts(network, text.index_fill(0, torch.tensor([changed]), CHANGED))
            left, right = ((one != other).any(dim=1) for one, other in zip(before, after, strict=True))
            marks = ["L" * bool(left[at]) + "R" * bool(right[at]) + "*" * (at == changed) for at in range(len(text))]
            lines.append([mark or "." for mark in marks])
    return lines


def report() -> str:
    lines = [
        "a word is changed (row): what changes at each place (column)?",
        "L its left context, R its right context, * the word itself",
        "",
        f"{'changed':<9}{' '.join(f'{word:<6}' for word in WORDS)}",
    ]
    for word, places in zip(WORDS, what_changes(), strict=True):
        lines.append(f"{word:<9}{' '.join(f'{place:<6}' for place in places)}".rstrip())
    same = "the same" if what_changes(num_layers=2) == what_changes() else "NOT the same"
    return "\n".join([*lines, "", f"with two layers: {same}"])
