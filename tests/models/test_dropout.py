from __future__ import annotations

import pytest
import torch

from textrnn.models.dropout import Dropout

SHAPE = (101, 7, 33)  # the number of values is no multiple of 4, the number of values that share a draw


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_share_of_p_is_zero_and_the_rest_is_scaled(p: float, dtype: torch.dtype) -> None:
    dropped = Dropout(p)(torch.ones(SHAPE, dtype=dtype))

    assert (dropped.dtype, dropped.shape) == (dtype, SHAPE)
    share = float((dropped == 0).double().mean())
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / dropped.numel()) ** 0.5)  # five standard deviations
    kept = dropped[dropped != 0].double()
    torch.testing.assert_close(
        kept, torch.full_like(kept, 1 / (1 - p)), rtol=0.01 if dtype == torch.bfloat16 else 1e-4, atol=0
    )


@pytest.mark.parametrize("p", [0.99999, 0.9999999])
def test_p_close_to_one_is_rounded_to_a_probability_that_keeps_some_values(p: float) -> None:
    dropped = Dropout(p)(torch.ones(1 << 22))

    kept = dropped[dropped != 0]
    # Each value is kept with probability 2^-16: 64 of them on average, with a standard deviation of 8.
    assert 24 <= len(kept) <= 104
    assert kept.unique().tolist() == [2.0**16]


def test_values_are_dropped_independently_of_their_neighbours() -> None:
    kept = (Dropout(0.5)(torch.ones(400_000)) != 0).double() - 0.5

    for distance in (1, 2, 3, 4, 8):
        covariance = float((kept[:-distance] * kept[distance:]).mean())
        assert abs(covariance) < 0.25 * 5 / 400_000**0.5


def test_the_mask_depends_on_the_seed_and_differs_between_calls() -> None:
    dropout, values = Dropout(0.5), torch.ones(SHAPE)
    torch.manual_seed(3)
    first, second = dropout(values), dropout(values)
    torch.manual_seed(3)

    assert torch.equal(dropout(values), first)
    assert not torch.equal(first, second)


def test_the_gradient_is_dropped_and_scaled_like_the_values() -> None:
    values = torch.randn(SHAPE, requires_grad=True)

    dropped = Dropout(0.25)(values)
    dropped.sum().backward()

    assert (values.grad == 0).any()
    torch.testing.assert_close(values.grad * values, dropped)


def test_values_are_returned_unchanged_in_evaluation_mode_and_for_p_zero() -> None:
    values = torch.randn(SHAPE)

    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values
