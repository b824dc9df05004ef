"""The search for the longest span that a network learns to remember."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from scripts import memory_span
from scripts.memory_span import Variant, build, draw, gradient_left, learns, longest, median, table, train, variants

LSTM = Variant("lstm", forget_bias=0.0)


def test_a_sequence_has_its_symbol_at_the_place_asked_for_and_noise_elsewhere() -> None:
    tokens, labels = draw(50, 6, torch.Generator().manual_seed(1), place=2)
    assert tokens.shape == (7, 50)
    assert (tokens[2] == labels + 1).all()
    assert set(tokens[2].tolist()) == {1, 2, 3, 4}
    assert set(tokens[[0, 1, 3, 4, 5, 6]].flatten().tolist()) == {5, 6, 7, 8}


@pytest.mark.parametrize(
    "limit, most, found, tried",
    [
        (0, 64, 0, [1]),
        (1, 64, 1, [1, 2]),
        (6, 64, 6, [1, 2, 4, 8, 6]),
        (13, 64, 12, [1, 2, 4, 8, 16, 12]),
        (1000, 64, 64, [1, 2, 4, 8, 16, 32, 64]),
        (1000, 6, 6, [1, 2, 4, 6]),
    ],
)
def test_the_search_doubles_then_halves_the_interval(limit: int, most: int, found: int, tried: list[int]) -> None:
    trials: list[int] = []

    def is_learnt(span: int) -> bool:
        trials.append(span)
        return span <= limit

    assert longest(is_learnt, most) == found
    assert trials == tried


def test_a_gru_learns_to_remember_over_three_tokens() -> None:
    torch.manual_seed(1)
    network = build(Variant("gru"), hidden_size=16)
    assert learns(network, 3, torch.Generator().manual_seed(1), steps=200, learning_rate=1e-2)


def test_what_is_not_learnt_in_so_many_steps_is_none() -> None:
    torch.manual_seed(1)
    network = build(Variant("gru"), hidden_size=16)
    assert learns(network, 3, torch.Generator().manual_seed(1), steps=1, learning_rate=1e-6) is None


@pytest.mark.parametrize("variant", [Variant("rnn-relu", 2), Variant("gru"), LSTM])
def test_a_variant_changes_the_recurrent_weights_and_the_forget_bias_alone(variant: Variant) -> None:
    def weights(each: Variant) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        return build(each, hidden_size=8).encoder.state_dict()

    orthogonal, uniform = weights(variant), weights(variant._replace(orthogonal=False))
    for name, weight in orthogonal.items():
        if "weight_hh" in name:
            for gate in weight.split(8):
                torch.testing.assert_close(gate @ gate.T, torch.eye(8))
            assert uniform[name].abs().max() <= 8**-0.5
            assert (uniform[name] != weight).all()
    biased = weights(LSTM._replace(forget_bias=1.0))
    different = {name: (weight != biased[name]).nonzero().flatten() for name, weight in weights(LSTM).items()}
    assert {name: rows.tolist() for name, rows in different.items() if len(rows)} == {
        "layers.0.0.bias_ih_l0": list(range(8, 16))
    }


def test_every_cell_has_both_depths_and_initial_weights() -> None:
    assert len(variants(["rnn-tanh", "gru"])) == 8
    assert len(set(variants(["lstm"]))) == 8


def test_clipping_bounds_a_step_and_not_the_norm_that_is_reported() -> None:
    def run(max_norm: float | None) -> tuple[float, float]:
        torch.manual_seed(1)
        network = build(Variant("rnn-tanh"), hidden_size=8)
        before = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
        random = torch.Generator().manual_seed(1)
        sgd = torch.optim.SGD
        (step,) = train(network, 5, random, steps=1, learning_rate=1.0, max_norm=max_norm, optimizer=sgd)
        moved = torch.nn.utils.parameters_to_vector(network.parameters()).detach() - before
        return step.gradient_norm, float(moved.norm())

    norm, moved = run(None)
    assert moved == pytest.approx(norm, rel=1e-5) and norm > 0.01
    assert run(0.01) == (norm, pytest.approx(0.01, rel=1e-3))


def test_what_is_left_of_the_gradient_is_told_by_the_initial_weights() -> None:
    """A linear way through time, as of an LSTM whose gates are open and whose state is not read, keeps it whole."""
    forgets, keeps = (gradient_left(LSTM._replace(forget_bias=bias), 2, 16) for bias in (0.0, 30.0))
    assert forgets < 0.01
    assert keeps > 0.3


def test_the_table_shows_median_range_and_the_end_of_the_search() -> None:
    assert median([3, 5, 9]) == median([3, 5, 9, 9]) == 5
    found = {Variant("gru", 2, False): [4, 64, 64], LSTM: [1, 2, 3], Variant("gru"): [64, 64, 64]}
    left = dict.fromkeys(found, 0.0123)
    lines = table(found, left, most=64).splitlines()
    assert [" ".join(line.split()) for line in lines[2:]] == [
        "gru 2 uniform - 0.01 >= 64 4 to >= 64",
        "lstm 1 orthogonal 0 0.01 2 1 to 3",
        "gru 1 orthogonal - 0.01 >= 64 >= 64",
    ]
    assert max(map(len, lines)) <= 80


def test_the_script_prints_a_table_and_draws_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # in this process: each new one would take seconds to import torch
    monkeypatch.setattr(memory_span, "ProcessPoolExecutor", lambda jobs, _: ThreadPoolExecutor(jobs))
    picture = tmp_path / "new" / "span.png"
    small = ["--longest", "2", "--steps", "2", "--seeds", "1", "--jobs", "1", "--hidden-size", "4"]
    monkeypatch.setattr("sys.argv", ["memory_span.py", "--cell", "rnn-tanh", *small, "--output", str(picture)])
    memory_span.main()
    printed = capsys.readouterr()
    assert [line.split()[:3] for line in printed.out.splitlines()[2:]] == [
        ["rnn-tanh", layers, weights] for layers in "12" for weights in ("orthogonal", "uniform")
    ]
    assert "rnn-tanh, 1 layer, orthogonal, seed 0: span 1" in printed.err
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_with_growing_spans_a_longer_one_starts_from_what_learnt_a_shorter_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So the longer one is learnt at the first test, in fewer steps than from fresh weights."""
    steps = {}
    for grow in (False, True):
        options = {"most": 8, "steps": 200, "hidden_size": 16, "learning_rate": 3e-3, "pooling": "last"}
        assert memory_span.measure(Variant("gru"), 1, grow=grow, **options) == 8
        last = capsys.readouterr().err.splitlines()[-1]
        steps[grow] = int(re.search(r"span 8 learnt in (\d+) steps", last)[1])
    assert steps[True] == 25 < steps[False]
