from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.models.small import one_thread


@pytest.fixture(autouse=True)
def _fixed_random_state() -> Iterator[None]:
    """Each test of this folder starts from the same random state, whichever tests ran before it."""
    torch.manual_seed(0)
    with one_thread():
        yield
