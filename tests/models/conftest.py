from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.models.small import one_thread


@pytest.fixture(autouse=True)
def _same_random_state() -> Iterator[None]:
    """Every test of this folder draws the same random numbers, whichever ran before it."""
    torch.manual_seed(0)
    with one_thread():
        yield
