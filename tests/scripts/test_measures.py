"""Each script that measures something runs, and its main number is right, on sizes so small that it takes no time."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts import deletion_test, label_noise, memory_span
from scripts.memory_span import Variant, build, draw
from scripts.theory import __main__ as theory
from scripts.theory import bptt, clipping, exploding, gates, rcnn, reading_order
from tests.conftest import make_rows, write_tsv

ROOT = Path(__file__).parents[2]
CONFIG = """
data: {train: train.tsv}
model: {embedding_dim: 4, hidden_size: 4, max_ngrams: 16, linear: none}
train: {batch_size: 2, epochs: 1, folds: 1, seed: %d}
"""


def test_removing_the_tokens_that_matter_lowers_the_log_odds_more(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--texts", "10", "--remove", "1", "2"]
    monkeypatch.setattr("sys.argv", ["deletion_test.py", str(trained), "test.tsv", *options])
    deletion_test.main()
    heading, _, _, _, *rows = capsys.readouterr().out.splitlines()
    assert heading == "10 texts with more than 2 tokens, 5 random draws each" and len(rows) == 2
    for row in rows:
        highest, random = map(float, re.findall(r"-?\d+\.\d\d ", row)[:2])
        assert highest > max(random, 0)


def test_wrong_labels_of_texts_that_are_easily_told_apart_are_found() -> None:
    labels, texts = zip(*make_rows(300), strict=True)
    random, *rankings, precision, recall = label_noise.measure(texts, labels, 0.05, seed=1, rows=240).values()
    assert random < 0.3 < 0.7 < min(rankings)
    assert 0.5 < precision <= 1 and 0.3 < recall <= 1


@pytest.mark.slow  # starts python and trains three times
def test_equal_configs_have_equal_hashes_of_weights_and_other_seeds_do_not(workplace: Path) -> None:
    write_tsv(workplace / "train.tsv", make_rows(130))
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        (workplace / f"{name}.yaml").write_text(CONFIG % seed)
    command = [sys.executable, str(ROOT / "scripts" / "weights_hash.py"), "one.yaml", "same.yaml", "other.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
    hashes = dict(line.split("\t") for line in done.stdout.splitlines())
    assert hashes["one"] == hashes["same"] != hashes["other"] and len(hashes["one"]) == 64, hashes


@pytest.mark.parametrize(("limit", "most", "span"), [(0, 64, 0), (6, 64, 6), (13, 64, 12), (1000, 64, 64)])
def test_the_search_finds_the_longest_span(limit: int, most: int, span: int) -> None:
    assert memory_span.longest(lambda tried: tried <= limit, most) == span


def test_memory_span_prints_a_table_and_draws_a_picture(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory_span, "ProcessPoolExecutor", lambda jobs, _: ThreadPoolExecutor(jobs))
    small = ["--longest", "2", "--steps", "2", "--seeds", "1", "--jobs", "1", "--hidden-size", "4"]
    monkeypatch.setattr("sys.argv", ["memory_span.py", "--cell", "rnn-tanh", *small, "--output", "new/span.png"])
    memory_span.main()
    assert [line.split()[:3] for line in capsys.readouterr().out.splitlines()[2:]] == [
        ["rnn-tanh", layers, weights] for layers in "12" for weights in ("orthogonal", "uniform")
    ]
    assert Path("new/span.png").read_bytes().startswith(b"\x89PNG")


def test_a_gru_learns_to_remember_and_what_it_has_learnt_helps_with_longer_spans(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = {"most": 8, "steps": 200, "hidden_size": 16, "learning_rate": 3e-3, "pooling": "last"}
    for grow in (False, True):
        assert memory_span.measure(Variant("gru"), 1, grow=grow, **options) == 8
        assert ("span 8 learnt in 25 steps" in capsys.readouterr().err) is grow


def test_the_gradient_that_is_left_depends_on_the_forget_bias() -> None:
    forgets, keeps = (memory_span.gradient_left(Variant("lstm", forget_bias=bias), 2, 16) for bias in (0.0, 30.0))
    assert forgets < 0.01 and keeps > 0.3


@pytest.mark.parametrize(("topic", "printed"), [("bptt", "|dL/dW| 0.4"), ("rcnn", "with two layers: the same")])
def test_a_topic_prints_its_report(
    topic: str, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(callable(import_module(f"scripts.theory.{name.replace('-', '_')}").report) for name in theory.TOPICS)
    monkeypatch.setattr("sys.argv", ["theory", topic])
    theory.main()
    assert printed in capsys.readouterr().out


def test_back_propagation_by_hand_equals_autograd() -> None:
    weights, x = bptt.draw(1)
    hand, states, parts_of_W = bptt.by_hand(weights, x, 1)
    automatic, automatic_states = bptt.by_autograd(weights, x, 1)
    for mine, its in zip([*hand, states], [*automatic, automatic_states], strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-15)
    np.testing.assert_allclose(parts_of_W.sum(axis=0), hand.W, atol=1e-15)


def test_the_gradient_is_a_power_of_the_gain_and_an_activation_makes_it_smaller() -> None:
    np.testing.assert_allclose(exploding.norms(0, 0.8, seed=1), [[0.8**k] * 2 for k in exploding.STEPS], rtol=1e-9)
    assert all(exploding.norms(case, 1.0, seed=1)[-1][0] < 0.9 for case in (1, 2, 3))


def test_clipping_changes_nothing_if_no_norm_is_beyond_the_limit() -> None:
    free, clipped, strict = (
        clipping.outcome("rnn-tanh", "SGD", 1e-4, limit, span=2, steps=3, seed=1) for limit in (None, 100.0, 1e-9)
    )
    assert free == clipped and 0 < free.largest < 1 and free.exceeding == 0
    assert strict.largest != free.largest


@pytest.mark.parametrize("variant", [Variant("lstm", forget_bias=1.0), Variant("gru")])
def test_without_recurrent_weights_the_gradient_is_the_product_of_the_gates(variant: Variant) -> None:
    torch.manual_seed(1)
    network = build(variant, hidden_size=5)
    with torch.no_grad():
        gates.cell_of(network).weight_hh_l0.zero_()
    keep, _, jacobians = gates.passage(network, draw(2, 3, torch.Generator().manual_seed(1))[0])
    torch.testing.assert_close(jacobians, torch.diag_embed(keep[1:].prod(dim=0)))


def test_a_context_of_an_rcnn_contains_the_words_on_its_side_alone() -> None:
    for changed, places in enumerate(rcnn.what_changes()):
        assert places == ["R"] * changed + ["*"] + ["L"] * (len(rcnn.WORDS) - changed - 1)


@pytest.mark.parametrize(("place", "bidirectional"), [(30, False), (0, True)])
def test_what_a_direction_read_last_is_learnt_at_any_length(place: int, bidirectional: bool) -> None:
    assert reading_order.score(place, "last", bidirectional=bidirectional, span=30, steps=40, seed=1) > 0.9
