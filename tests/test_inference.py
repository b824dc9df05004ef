from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.models.small import (
    VOCAB_SIZE,
    each_architecture,
    each_network,
    each_pooling,
    encoded,
    logits_alone,
    one_thread,
    random_texts,
    small_model,
)
from textrnn.errors import NotFiniteError
from textrnn.inference import compute_logits
from textrnn.models.encoder import Encode
from textrnn.models.recurrent import TextRNN

CPU = torch.device("cpu")
TEXTS = random_texts([5, 1, 9, 3, 9, 12, 2, 1, 7])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


@each_pooling
@each_network
def test_logits_are_those_of_each_text_alone_in_the_order_given_at_every_batch_size(
    architecture: str, cell: str, nonlinearity: str, pooling: str
) -> None:
    model = small_model(architecture=architecture, cell=cell, nonlinearity=nonlinearity, num_layers=2, pooling=pooling)
    alone = logits_alone(model, TEXTS)

    for batch_size in (1, 2, 4, 9, 100):
        logits = compute_logits(model, encoded(TEXTS), device=CPU, batch_size=batch_size)
        torch.testing.assert_close(logits, alone, rtol=0, atol=1e-5)


def test_token_numbers_are_turned_into_ids_before_the_model_reads_them() -> None:
    model = small_model()
    id_map = np.random.default_rng(0).permutation(VOCAB_SIZE).astype(np.int32)
    texts = encoded(TEXTS)
    texts.id_map = np.argsort(id_map)
    texts.tokens = id_map[texts.tokens]

    torch.testing.assert_close(compute_logits(model, texts, device=CPU), logits_alone(model, TEXTS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_model_is_left_in_its_mode(training: bool) -> None:
    model = small_model(dropout=0.5, embedding_dropout=0.5)
    alone = logits_alone(model, TEXTS)

    logits = compute_logits(model.train(training), encoded(TEXTS), device=CPU)

    torch.testing.assert_close(logits, alone, rtol=0, atol=1e-5)
    assert model.training is training
    assert not logits.requires_grad


def test_after_batch_gets_the_number_of_texts_of_each_batch() -> None:
    counts: list[int] = []

    compute_logits(small_model(), encoded(TEXTS), device=CPU, batch_size=4, after_batch=counts.append)

    assert counts == [4, 4, 1]


def test_after_batch_may_raise_and_the_model_is_left_in_its_mode() -> None:
    model = small_model().train()

    with pytest.raises(ZeroDivisionError):
        compute_logits(model, encoded(TEXTS), device=CPU, after_batch=lambda count: count // 0)
    assert model.training


@each_architecture
def test_logits_of_bfloat16_come_back_as_float32_near_the_exact_ones(architecture: str) -> None:
    model = small_model(architecture=architecture)
    products: list[torch.dtype] = []
    model.head[-1].register_forward_hook(lambda module, given, result: products.append(result.dtype))

    logits = compute_logits(model, encoded(TEXTS), device=CPU, precision="bfloat16")

    assert products == [torch.bfloat16]
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, logits_alone(model, TEXTS), rtol=0, atol=0.05)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_not_finite_are_an_error(value: float) -> None:
    class Wild(TextRNN):
        def logits(self, inputs: torch.Tensor, lengths: torch.Tensor, encode: Encode) -> torch.Tensor:
            return torch.where(lengths == 3, value, 1e38).unsqueeze(1)

    model = small_model().train()
    model.__class__ = Wild
    calm = encoded([text for text in TEXTS if len(text) != 3])
    assert compute_logits(model, calm, device=CPU).unique().tolist() == [pytest.approx(1e38)]
    with pytest.raises(NotFiniteError, match="the model's logits are not finite"):
        compute_logits(model, encoded(TEXTS), device=CPU)
    assert model.training
