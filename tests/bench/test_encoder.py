"""Operations counted by hand, and the three ways to compute a layer."""

from __future__ import annotations

import pytest
import torch

from scripts.bench.encoder import CASES, MODULES, PRODUCTS, SIZE, Case, Padded, flops_per_token, gflops, step_of

SMALL = Case("gru", 4, 3, 2, True, texts=3, shortest=1, longest=5)


def test_operations_of_a_token() -> None:
    assert [flops_per_token(Padded(case)) for case in CASES] == [
        2 * (64 + 128) * 384 + 2 * (128 + 128) * 384,
        2 * 2 * (128 + 256) * 1024,
        2 * 2 * (300 + 128) * 512 + 2 * 2 * (256 + 128) * 512,
    ]


def test_the_ceiling_is_the_median() -> None:
    assert gflops([9.0, 2.0, 1.0]) == pytest.approx(PRODUCTS * 2 * SIZE**3 / 2.0 / 1e9)


@pytest.mark.parametrize("name", MODULES)
def test_steps_of_all_modules_read_the_same_batch(name: str) -> None:
    module = MODULES[name](SMALL)
    inputs, lengths = torch.randn(5, 3, 4), SMALL.lengths()
    assert lengths.max() == SMALL.longest and lengths.min() >= SMALL.shortest
    assert module(inputs, lengths).shape == (5, 3, 6)
    for what in ("training", "inference"):
        step_of(SMALL, what, name)()


def test_names() -> None:
    assert str(CASES[0]) == "2-layer GRU 64->128, 128 texts of 100 to 600"
    assert str(CASES[1].equally_long()) == "BiLSTM 128->256, 64 texts of 155"
