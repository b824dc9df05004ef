from __future__ import annotations

import pytest
import torch

from textrnn.models.dropout import Dropout

SHAPE = (101, 7, 33)  # not a multiple of the values that one draw makes


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 0.99999])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_share_of_p_is_zero_and_the_rest_is_scaled(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    dropped = Dropout(p)(torch.ones(SHAPE, dtype=dtype))
    assert (dropped.dtype, dropped.shape) == (dtype, SHAPE)
    share = float((dropped == 0).double().mean())
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / dropped.numel()) ** 0.5)
    kept = dropped[dropped != 0].double()
    assert torch.allclose(kept, torch.full_like(kept, 1 / (1 - p)), rtol=0.01 if dtype == torch.bfloat16 else 1e-4) or (
        p == 0.99999  # which is rounded to a multiple of 2^-16
    )


def test_values_are_dropped_independently_of_their_neighbours() -> None:
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(400_000)) != 0).double() - 0.5
    for distance in (1, 2, 3, 4, 8):
        assert abs(float((kept[:-distance] * kept[distance:]).mean())) < 0.25 * 5 / 400_000**0.5


def test_the_mask_is_of_the_seed_and_new_at_each_call() -> None:
    dropout, values = Dropout(0.5), torch.ones(SHAPE)
    torch.manual_seed(3)
    first, second = dropout(values), dropout(values)
    torch.manual_seed(3)
    assert torch.equal(dropout(values), first)
    assert not torch.equal(first, second)


def test_gradients_pass_where_values_did() -> None:
    torch.manual_seed(0)
    values = torch.randn(SHAPE, requires_grad=True)
    dropped = Dropout(0.25)(values)
    dropped.sum().backward()
    assert torch.allclose(values.grad * values, dropped)


def test_nothing_is_dropped_outside_training_or_at_zero() -> None:
    values = torch.randn(SHAPE)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values
