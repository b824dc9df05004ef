"""Two processes train as one does: at the level of the loop, where they are started once for many cases."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing
from scipy.sparse import csr_array

from tests.conftest import Cli
from textrnn.config import ModelConfig
from textrnn.errors import ConfigError, DataError
from textrnn.models.build import build_network
from textrnn.runtime.device import training_device
from textrnn.runtime.distributed import broadcast_from_rank0, is_first, maximum, process_group, rank, shard, total
from textrnn.texts.targets import Targets
from textrnn.texts.transform import EncodedTexts
from textrnn.training.fit import FitSettings, fit
from textrnn.training.objectives import adversarial, cross_entropy, plain
from textrnn.training.state import Evaluation, TrainingState

PLACE = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

# Batches of 4, 4 and 1: in the last one the second process has no document.
CASES: dict[str, dict[str, Any]] = {
    "textrnn": {"model": {"num_layers": 2, "pooling": "attention", "fc_size": 3}},
    "rcnn": {"model": {"architecture": "rcnn", "cell": "lstm", "pooling": "last", "num_layers": 2}},
    "tdnn": {"model": {"architecture": "tdnn", "num_layers": 2}},
    "accumulated": {"accumulate": 2},
    "clipped": {"grad_clip_norm": 0.05},
    "n-grams": {"model": {"ngrams": 2, "max_ngrams": 30}, "grad_clip_norm": 0.1, "accumulate": 2},
    "adversarial": {"adversarial_norm": 0.5, "accumulate": 2},
    "weighted": {"class_weights": torch.tensor([5 / 9, 5 / 3, 5 / 3]), "label_smoothing": 0.2},
    "weights": {"weights": True},
    "soft": {"soft": True, "label_smoothing": 0.2, "class_weights": torch.tensor([5 / 9, 5 / 3, 5 / 3])},
    "bfloat16": {"precision": "bfloat16"},
    "one-document": {"documents": 1},
}  # fmt: skip


def texts(count: int, *, weights: bool = False, soft: bool = False) -> EncodedTexts:
    random = np.random.default_rng(0)
    lengths = random.integers(1, 9, count)
    tokens = random.integers(2, 20, lengths.sum()).astype(np.int32)
    targets = Targets(
        np.arange(count) % 3,
        csr_array(random.dirichlet([1.0] * 3, count).astype(np.float32)) if soft else None,
        random.random(count).astype(np.float32) if weights else None,
    )
    return EncodedTexts(tokens, np.cumsum(lengths) - lengths, lengths, targets)


def trained(
    *, model: dict[str, Any] | None = None, documents: int = 9, class_weights: torch.Tensor | None = None,
    label_smoothing: float = 0.0, accumulate: int = 1, grad_clip_norm: float | None = None, precision: str = "float32",
    adversarial_norm: float | None = None, weights: bool = False, soft: bool = False,
) -> tuple[dict[str, torch.Tensor], list[float]]:  # fmt: skip
    """Weights, and what was measured, after three epochs in float64 (the loss in float32) without dropout."""
    sizes = {"linear": "none", "embedding_dim": 5, "hidden_size": 4, "dropout": 0.0, "embedding_dropout": 0.0}
    torch.manual_seed(7)
    network = build_network(ModelConfig(**{**sizes, **(model or {})}), vocab_size=20, num_classes=3).double()
    state = TrainingState()
    loss = cross_entropy(class_weights=class_weights, label_smoothing=label_smoothing)
    settings = FitSettings(
        batch_size=4, epochs=3, steps_per_epoch=-(-documents // (4 * accumulate)), learning_rate=lambda number: 0.5,
        accumulate=accumulate, grad_clip_norm=grad_clip_norm, precision=precision,
    )  # fmt: skip
    objective = plain(loss) if adversarial_norm is None else adversarial(loss, norm=adversarial_norm, dim=5)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    events = fit(network, texts(documents, weights=weights, soft=soft), objective, optimizer, state, settings)
    documents_seen, clipped, measured = 0, 0.0, []
    for event in events:
        if isinstance(event, Evaluation):
            measured += [event.train_loss, event.grad_norm_mean, event.grad_norm_max, event.step]
            clipped += event.clipped
        else:
            documents_seen += event.documents
    return network.state_dict(), [*measured, documents_seen, clipped]


def process(number: int, port: int, folder: Path) -> None:
    """What each of two processes does: train each case, agree on some values, and see the other one fail."""
    os.environ.update(zip(PLACE, [str(number), "2", "127.0.0.1", str(port)], strict=True))
    os.environ["OMP_NUM_THREADS"] = "1"
    results: dict[str, Any] = {}
    try:
        with process_group():
            results["cases"] = {name: trained(**case) for name, case in CASES.items()}
            results["share"] = shard(np.arange(5)).tolist()
            results["from first"] = broadcast_from_rank0(lambda: f"made by {rank()}")
            results["maximum"] = maximum([number, 7 - number])
            results["total"] = total(torch.tensor([0.1, number]))
            if number == 1:
                raise DataError("a bad row")
            maximum([0])
    except BaseException as error:
        results["end"] = repr(error)
    torch.save(results, folder / f"{number}.pt")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of the two processes came to."""
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = torch.multiprocessing.spawn(process, (port, folder), nprocs=2, join=False)
    deadline = time.monotonic() + 120
    while not processes.join(timeout=5):
        if time.monotonic() > deadline:
            for started in processes.processes:
                started.kill()
            pytest.fail("the processes wait for each other")
    return [torch.load(folder / f"{number}.pt") for number in (0, 1)]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one(both: list[dict[str, Any]], name: str) -> None:
    weights, sums = trained(**CASES[name])
    tolerance = 0.05 if name == "bfloat16" else 1e-6
    for result in both:
        their_weights, their_sums = result["cases"][name]
        assert their_sums == pytest.approx(sums, rel=tolerance)
        for key, tensor in weights.items():
            torch.testing.assert_close(their_weights[key], tensor, rtol=0, atol=tolerance)
    assert all(torch.equal(tensor, both[1]["cases"][name][0][key]) for key, tensor in both[0]["cases"][name][0].items())


def test_each_case_trains_in_a_way_of_its_own() -> None:
    results = {name: trained(**case)[1] for name, case in CASES.items()}
    assert len({sums[0] for sums in results.values()}) == len(CASES)
    for case, sums in zip(CASES.values(), results.values(), strict=True):
        assert sums[-2] == 3 * case.get("documents", 9)
        assert (sums[-1] > 0) == ("grad_clip_norm" in case)


def test_processes_agree(both: list[dict[str, Any]]) -> None:
    assert [result["share"] for result in both] == [[0, 2, 4], [1, 3]]
    for result in both:
        assert result["from first"] == "made by 0"
        assert result["maximum"] == [1, 7]
        assert result["total"].tolist() == pytest.approx([0.2, 1.0])


def test_the_process_that_fails_says_why_and_the_others_leave_in_silence(both: list[dict[str, Any]]) -> None:
    assert [result["end"] for result in both] == ["SystemExit(1)", "DataError('a bad row')"]


def test_a_process_on_its_own_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")  # of something else: torchrun sets all four
    assert is_first()
    assert shard(np.arange(3)).tolist() == [0, 1, 2]
    assert maximum([2]) == [2]


WHOLE = "a whole number was expected in this environment variable, found"
BELOW = "this environment variable was expected to be below"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *[("RANK", value, f"RANK: {WHOLE} {value!r}") for value in ("x", "-1", "²")],
        ("RANK", "1", f"RANK: {BELOW} 1, the number of processes, found 1"),
        ("WORLD_SIZE", "", f"WORLD_SIZE: {WHOLE} ''"),
        ("WORLD_SIZE", "0", f"RANK: {BELOW} 0, the number of processes, found 0"),
        ("WORLD_SIZE", "9" * 5000, f"WORLD_SIZE: {WHOLE} '999"),
        ("LOCAL_RANK", "1.0", f"LOCAL_RANK: {WHOLE} '1.0'"),
        ("LOCAL_WORLD_SIZE", "0", f"LOCAL_RANK: {BELOW} 0"),
        ("MASTER_PORT", "x", f"MASTER_PORT: {WHOLE} 'x'"),
        ("MASTER_PORT", "70000", "MASTER_PORT: a port, up to 65535, was expected in this environment variable"),
    ],
)
def test_variables_of_torchrun_that_cannot_be_are_one_message(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    for key, usual in zip(PLACE, ["0", "1", "127.0.0.1", "1"], strict=True):
        monkeypatch.setenv(key, usual)
    monkeypatch.setenv(name, value)
    result = cli("vocab", "--data", "x.tsv")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.endswith("; start with torchrun, or unset RANK to run a single process\n")
    assert result.err.count("\n") == 1 and len(result.err) < 300


def test_each_process_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    place = [*zip(PLACE, ["1", "2", "127.0.0.1", "1"], strict=True), ("LOCAL_RANK", "1"), ("LOCAL_WORLD_SIZE", "2")]
    for key, value in place:
        monkeypatch.setenv(key, value)
    taken: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert training_device("auto") == torch.device("cuda:1")
    assert taken == [torch.device("cuda:1")]
    assert training_device("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="--device cuda:0: 2 processes cannot share one device"):
        training_device("cuda:0")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="2 processes on this machine need as many CUDA devices, found 1"):
        training_device("cuda")


@pytest.mark.parametrize("command", [["eval", "run"], ["predict", "run", "x.txt"], ["vocab", "--data", "x.tsv"]])
def test_other_commands_are_for_one_process(cli: Cli, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    results = []
    for number in ("0", "1"):
        for key, value in zip(PLACE, [number, "2", "127.0.0.1", "1"], strict=True):
            monkeypatch.setenv(key, value)
        results.append(cli(*command))
    assert [(result.code, result.out) for result in results] == [(2, ""), (2, "")]
    assert [result.err for result in results] == [
        "error: only train runs in more than one process: start this command without torchrun\n", ""
    ]  # fmt: skip
