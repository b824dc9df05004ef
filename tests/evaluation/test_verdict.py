from __future__ import annotations

from typing import Any

import pytest

from textrnn.evaluation.comparison import verdict


def metrics(together: float, linear: float | None, network: float, weight: float | None = 0.5) -> dict[str, Any]:
    total, net = ({"accuracy": value, "macro_f1": value, "loss": 1 - value} for value in (together, network))
    alone = linear and {"accuracy": linear, "macro_f1": linear, "loss": 0.5}
    return total | {"parts": {"network": net, "linear": alone}, "n": 1000, "weight": weight}


EARNS, AS_GOOD, BETTER, CANNOT_TELL = (
    "the network earns its time", "the linear model alone is as good here", "the linear model alone is better here",
    "too few texts to tell whether the network earns its time",
)  # fmt: skip


@pytest.mark.parametrize(
    ("only_total", "only_linear", "ending"),
    [
        (30, 10, EARNS),
        (6, 0, EARNS),  # 2 / 2^6 = 0.03
        (5, 0, AS_GOOD),  # 2 / 2^5 = 0.06; of 1,000 at most (5 + 1.96 sqrt(6)) / 1000 = 0.0098 better
        (6, 1, CANNOT_TELL),  # p = 8 * 2 / 2^7 = 0.13; at most (5 + 1.96 sqrt(8)) / 1000 = 0.0105 better
        (10, 10, AS_GOOD),
        (12, 10, CANNOT_TELL),
        (30, 40, AS_GOOD),
        (0, 0, AS_GOOD),
        (0, 5, AS_GOOD),
        (0, 6, BETTER),
        (10, 30, BETTER),
    ],
)
def test_the_ending_is_what_mcnemars_test_says(only_total: int, only_linear: int, ending: str) -> None:
    start = "together 91.6; the linear model alone 90.8, the network alone 91.2: "
    assert verdict(metrics(0.916, 0.908, 0.912), only_total, only_linear) == start + ending
    start = "the network 91.2; the linear model 90.8: "  # where the linear model has no say
    assert verdict(metrics(0.912, 0.908, 0.912, 0.0), only_total, only_linear) == start + ending


def test_a_network_without_a_say_earns_nothing() -> None:
    sentence = verdict(metrics(0.908, 0.908, 0.5, 1.0), 0, 0)
    assert sentence == "the linear model 90.8; the network 50.0: the network has no say"


def test_without_a_linear_model_there_is_none() -> None:
    assert verdict(metrics(0.9, None, 0.9, None), 0, 0) is None
