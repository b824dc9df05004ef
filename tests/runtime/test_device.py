from __future__ import annotations

import pytest
import torch

from textrnn.runtime.device import cores_to_share


@pytest.mark.parametrize(
    ("settings", "shared"),
    [
        ({}, False),
        ({"GOMP_SPINCOUNT": "1000"}, True),
        ({"GOMP_SPINCOUNT": "100000"}, False),
        ({"GOMP_SPINCOUNT": "infinite"}, False),
        ({"GOMP_SPINCOUNT": "²"}, False),
        ({"GOMP_SPINCOUNT": "9" * 10_000}, False),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, True),
        ({"OMP_WAIT_POLICY": "active"}, False),
    ],
)
def test_several_cores_are_used_only_if_waiting_threads_soon_sleep(
    settings: dict[str, str], shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)

    assert cores_to_share() == (4 if shared else 1)
