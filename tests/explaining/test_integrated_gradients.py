"""Contributions add up to the difference of the log-odds, for every kind of network and decision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small import encoded, random_texts, randomize, small_model
from textrnn.explaining import integrated_gradients
from textrnn.explaining.integrated_gradients import Margins, integrate, log_odds, unknown_texts
from textrnn.inference import compute_logits
from textrnn.linear.mixture import Mixture
from textrnn.models.network import Ensemble, Network
from textrnn.texts.vocab import UNK

CPU = torch.device("cpu")
LENGTHS = [7, 1, 3, 12]
NETWORKS: list[dict[str, Any]] = [
    {"architecture": architecture, "cell": cell, "pooling": pooling}
    for architecture in ("textrnn", "rcnn")
    for cell in ("rnn", "lstm", "gru")
    for pooling in ("last", "mean", "max", "attention")
] + [
    *(
        {"architecture": "tdnn", "num_layers": 2, "pooling": pooling}
        for pooling in ("last", "mean", "max", "attention")
    ),
    {"cell": "rnn", "nonlinearity": "relu"},
    {"cell": "gru", "num_layers": 2, "bidirectional": False},
    {"fc_size": 6, "ngrams": 3},
    {"pooling": "attention", "attention_hops": 2},
]


def attributed(
    networks: list[Network], decision: Mixture, with_margins: bool
) -> tuple[np.ndarray, np.ndarray, integrated_gradients.Attribution]:
    """(sums of all contributions, differences of the log-odds, the attribution) of a few texts."""
    texts = encoded(random_texts(LENGTHS))
    classes = np.asarray([0, 1, 2, 1])
    margins = None
    if with_margins:
        random = torch.Generator().manual_seed(1)
        margins = Margins(torch.randn(1, 3, generator=random).expand(4, 3), torch.randn(4, 3, generator=random))
    together = Ensemble(networks).eval()
    odds = []
    for part, ids in ((0, unknown_texts(texts.lengths)), (1, texts)):
        logits = decision.logits(compute_logits(together, ids, device=CPU), margins and margins[part])
        odds.append(log_odds(logits.double(), torch.from_numpy(classes)).numpy())
    attribution = integrate(networks, decision, texts, classes, margins, (odds[0], odds[1]), device=CPU)
    sums = np.asarray([values.sum() for values in attribution.tokens])
    if margins is not None:
        sums += (attribution.slopes * (margins.texts - margins.baseline).numpy()).sum(axis=1)
    return sums, odds[1] - odds[0], attribution


def fits(sums: np.ndarray, differences: np.ndarray) -> bool:
    return bool((np.abs(sums - differences) <= 0.02 * np.maximum(1, np.abs(differences))).all())


@pytest.mark.parametrize("options", NETWORKS, ids=lambda options: "-".join(map(str, options.values())))
def test_contributions_add_up(options: dict[str, Any]) -> None:
    sums, differences, found = attributed([small_model(**options)], Mixture(temperature=0.2), with_margins=False)
    assert np.abs(differences).max() > 0.3  # there is something to add up to
    assert fits(sums, differences)
    assert [len(each) for each in found.tokens] == LENGTHS
    assert found.gaps == pytest.approx(sums - differences, abs=1e-4)


@pytest.mark.parametrize("with_margins", [False, True], ids=["networks", "with-linear"])
def test_contributions_of_several_networks_and_a_linear_model_add_up(with_margins: bool) -> None:
    networks: list[Network] = [small_model(cell="gru") for _ in range(3)]
    for number, network in enumerate(networks):
        randomize(network, seed=number, std=0.7)
    decision = Mixture(0.4 if with_margins else 0.0, 0.5, 1.5, 0.3)
    sums, differences, _ = attributed(networks, decision, with_margins)
    assert fits(sums, differences)


def test_pieces_of_the_path_are_halved_until_the_sum_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    network = small_model(cell="rnn", nonlinearity="relu")
    randomize(network, std=0.9)
    monkeypatch.setattr(integrated_gradients, "STEPS", 1)
    monkeypatch.setattr(integrated_gradients, "MOST_STEPS", 1)
    rough, differences, _ = attributed([network], Mixture(), with_margins=False)
    assert not fits(rough, differences)
    monkeypatch.setattr(integrated_gradients, "MOST_STEPS", 1024)
    sums, differences, _ = attributed([network], Mixture(), with_margins=False)
    assert fits(sums, differences)


def test_no_batch_has_more_tokens_than_allowed_when_pieces_are_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    network, texts = small_model(cell="rnn", nonlinearity="relu"), encoded(random_texts([40] * 16 + [2] * 22))
    sizes, forward = [], network.forward
    monkeypatch.setattr(network, "forward", lambda ids, *more: (sizes.append(ids.numel()), forward(ids, *more))[1])
    monkeypatch.setattr(integrated_gradients, "MOST_STEPS", 48)  # one halving
    allowed = 40 * (integrated_gradients.STEPS + 1)  # a long text at all points of its path
    monkeypatch.setattr(integrated_gradients, "_TOKENS_AT_ONCE", allowed)
    unreachable = np.zeros(38), np.full(38, 1000.0)  # so that the paths of all texts are halved
    integrate([network], Mixture(), texts, np.zeros(38, np.int64), None, unreachable, device=CPU)
    assert sum(sizes) == (40 * 16 + 2 * 22) * (integrated_gradients.STEPS + 1) * 3
    assert max(sizes) <= allowed


def test_a_text_is_attributed_alike_in_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    together = attributed([small_model()], Mixture(0.5), with_margins=True)[2]
    monkeypatch.setattr(integrated_gradients, "_TOKENS_AT_ONCE", 1)  # one text and one step at a time
    alone = attributed([small_model()], Mixture(0.5), with_margins=True)[2]
    for one, other in zip(together.tokens, alone.tokens, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert together.slopes == pytest.approx(alone.slopes, abs=1e-5)


def test_unknown_tokens_contribute_nothing_and_weights_keep_their_gradients() -> None:
    network = small_model(ngrams=2)
    texts = encoded([[UNK, UNK, 5], [UNK]])
    found = integrate([network], Mixture(), texts, np.asarray([0, 0]), None, (np.zeros(2), np.zeros(2)), device=CPU)
    assert found.tokens[0][0] == 0 and found.tokens[1].tolist() == [0]
    assert found.tokens[0][2] != 0
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_log_odds_by_hand() -> None:
    logits = torch.tensor([[1.0, 1.0], [0.0, 3.0], [100.0, 0.0]])
    assert log_odds(logits, torch.tensor([0, 1, 0])).tolist() == pytest.approx([0, 3, 100])
    three = torch.tensor([[0.2, 0.3, 0.5]]).log()
    assert log_odds(three, torch.tensor([2])).item() == pytest.approx(0, abs=1e-6)  # 0.5 against 0.5
