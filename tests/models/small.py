"""Helpers for tests of models: small models whose weights are all different from zero, and ragged batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from textrnn.config import ModelConfig
from textrnn.models.build import build_network
from textrnn.models.embedding import AdaptiveEmbedding
from textrnn.models.rcnn import RCNN
from textrnn.models.tdnn import TDNN
from textrnn.models.textrnn import TextRNN
from textrnn.texts.targets import Targets
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import PAD

CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
POOLINGS = ["last", "mean", "max", "attention"]
VOCAB_SIZE = 20

each_cell = pytest.mark.parametrize(
    ("cell", "nonlinearity"), CELLS, ids=[f"{cell}-{f}" if cell == "rnn" else cell for cell, f in CELLS]
)
each_depth = pytest.mark.parametrize("num_layers", [1, 2], ids=["1-layer", "2-layers"])
each_direction = pytest.mark.parametrize("bidirectional", [False, True], ids=["unidirectional", "bidirectional"])
each_pooling = pytest.mark.parametrize("pooling", POOLINGS)
ARCHITECTURES = ["textrnn", "rcnn", "tdnn"]
RECURRENT = ARCHITECTURES[:2]
NETWORKS = [(architecture, *cell) for architecture in RECURRENT for cell in CELLS] + [("tdnn", "gru", "tanh")]
each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
each_recurrent_architecture = pytest.mark.parametrize("architecture", RECURRENT)
each_network = pytest.mark.parametrize(
    ("architecture", "cell", "nonlinearity"), NETWORKS, ids=["-".join(each) for each in NETWORKS]
)


@contextmanager
def one_thread() -> Iterator[None]:
    """Small models gain nothing from several threads, and on a busy machine waiting for them takes very long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def randomize(module: nn.Module, *, seed: int = 0, std: float = 0.4) -> None:
    """Give every parameter random values: an error in the use of a bias, an initial state or the vector of PAD would
    not show if it were zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in [*module.parameters(), *module.buffers()]:
            parameter.copy_(std * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        for part in module.modules():
            if isinstance(part, AdaptiveEmbedding):
                part.rare.weight[0] = part.frequent.weight[PAD] = 0.0  # what tokens of the other table have in it


def small_model(**options: object) -> TextRNN | RCNN | TDNN:
    """A model in evaluation mode. options: keys of the config's section `model`."""
    config = ModelConfig.model_validate(
        {"embedding_dim": 4, "hidden_size": 5, "ngrams": 1, "linear": "none", **options}
    )
    model = build_network(config, vocab_size=VOCAB_SIZE, num_classes=3)
    randomize(model)
    return model.eval()


def random_texts(lengths: list[int], *, seed: int = 0) -> list[torch.Tensor]:
    """Token ids of texts of these lengths, without PAD and UNK."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(2, VOCAB_SIZE, (length,), generator=generator) for length in lengths]


def padded_batch(
    texts: list[torch.Tensor], *, extra: int = 0, padding_seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """token_ids (T, B) and lengths (B,). T exceeds the longest text by `extra`.

    Padding is filled with random tokens, not PAD, so that a model which looks at it is found out.
    """
    lengths = torch.tensor([len(text) for text in texts])
    generator = torch.Generator().manual_seed(padding_seed)
    shape = (int(lengths.max()) + extra, len(texts))
    token_ids = torch.randint(0, VOCAB_SIZE, shape, generator=generator)
    for column, text in enumerate(texts):
        token_ids[: len(text), column] = text
    return token_ids, lengths


def encoded(texts: Sequence[Sequence[int] | torch.Tensor], labels: list[int] | None = None) -> EncodedTexts:
    lengths = np.array([len(text) for text in texts])
    starts = np.cumsum(lengths) - lengths
    return EncodedTexts(np.concatenate(texts), starts, lengths, None if labels is None else Targets(np.array(labels)))


def logits_alone(model: nn.Module, texts: list[torch.Tensor]) -> torch.Tensor:
    """Logits (len(texts), classes), each text computed in a batch of its own, without padding."""
    with torch.no_grad():
        return torch.cat([model(text.unsqueeze(1), torch.tensor([len(text)])) for text in texts])
