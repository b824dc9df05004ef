"""The same on a CUDA device; `make gpu` runs these where there is one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import TINY, Cli, sets
from tests.stops import at_step, send
from textrnn import TextClassifier
from textrnn.config import ModelConfig
from textrnn.models.build import build_network
from textrnn.runtime.device import allow_tf32
from textrnn.texts.targets import Targets
from textrnn.texts.transform import EncodedTexts
from textrnn.training.fit import FitSettings, epoch_steps
from textrnn.training.objectives import cross_entropy, plain
from textrnn.training.optim import build_optimizer
from textrnn.training.state import Step, TrainingState, flush_metrics

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
CUDA = torch.device("cuda")
WITHOUT_DROPOUT = ["--set", "model.dropout=0", "--set", "model.embedding_dropout=0"]
WEIGHTS = "model/model.safetensors"


def far_apart(one: Path, other: Path) -> float:
    """The largest difference between the weights of two runs."""
    weights, others = load_file(one / WEIGHTS), load_file(other / WEIGHTS)
    return max(float((tensor - others[name]).abs().max()) for name, tensor in weights.items())


@pytest.mark.parametrize(
    ("architecture", "cell"), [*product(["textrnn", "rcnn"], ["rnn", "lstm", "gru"]), ("tdnn", "gru")]
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_trained_on_the_gpu_gives_the_same_answers_on_the_cpu(
    cli: Cli, train_file: Path, architecture: str, cell: str, precision: str
) -> None:
    options = ["--set", f"model.architecture={architecture}", "--set", f"model.cell={cell}"]
    options += ["--set", f"train.precision={precision}", "--device", "cuda"]
    result = cli("train", "--data", "train.tsv", *TINY, *options)
    assert result.code == 0, result.err
    assert "device: cuda" in result.err
    texts = [line.split("\t")[1] for line in train_file.read_text().splitlines()]
    on_gpu, on_cpu = (TextClassifier.load("runs/train", device=name).predict_proba(texts) for name in ("cuda", "cpu"))
    assert on_gpu.shape == (60, 3)
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=0, atol=1e-4)


def test_a_run_on_the_gpu_comes_out_as_on_the_cpu(cli: Cli, train_file: Path) -> None:
    for device in ("cpu", "cuda"):
        options = [*TINY, *WITHOUT_DROPOUT, "--device", device, "--run-dir", device]
        options += sets("model.rare_dim=3", "model.ngrams=2", "model.ngram_dim=2")
        assert cli("train", "--data", "train.tsv", *options).code == 0
    assert far_apart(Path("cpu"), Path("cuda")) < 1e-3


@pytest.mark.parametrize("goes_on", ["cuda", "cpu"])
def test_a_stopped_run_goes_on_there_or_on_the_cpu(cli: Cli, train_file: Path, goes_on: str) -> None:
    # dropout draws other numbers on a CPU
    options = ["--data", "train.tsv", *TINY, *(WITHOUT_DROPOUT if goes_on == "cpu" else [])]
    assert cli("train", *options, "--device", "cuda", "--run-dir", "whole").code == 0
    with at_step(3, send(signal.SIGTERM)):
        assert cli("train", *options, "--device", "cuda", "--run-dir", "cut").code == 143
    assert cli("train", *options, "--device", goes_on, "--run-dir", "cut", "--resume").code == 0
    assert len(Path("cut/history.jsonl").read_text().splitlines()) == 2
    assert far_apart(Path("whole"), Path("cut")) < 1e-3  # some kernels add in another order each time


def test_a_loss_that_is_not_finite_stops_training_at_its_step(cli: Cli, train_file: Path) -> None:
    options = ["--set", "train.learning_rate=1e30", "--set", "train.grad_clip_norm=null", "--device", "cuda"]
    result = cli("train", "--data", "train.tsv", *TINY, *options)
    assert result.code == 1
    assert "is not finite at epoch 1, step " in result.err
    assert not Path("runs/train/resume/state.safetensors").exists()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is no second CUDA device")
def test_two_gpus_train_as_one(cli: Cli, train_file: Path) -> None:
    options = ["--data", "train.tsv", *TINY, *WITHOUT_DROPOUT, "--device", "cuda", "--run-dir"]
    assert cli("train", *options, "one").code == 0
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "textrnn"]
    done = subprocess.run([*torchrun, "train", *options, "two"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "two\n"), done.stderr
    assert far_apart(Path("one"), Path("two")) < 1e-3


@pytest.fixture
def state() -> TrainingState:
    return TrainingState()


@pytest.fixture
def steps(state: TrainingState) -> Iterator[Iterator[Step]]:
    """Training steps of a bidirectional LSTM with 512 units on batches of 256 texts of 100 to 200 tokens."""
    allow_tf32(False)
    random = np.random.default_rng(0)
    lengths = random.integers(100, 200, 40 * 256)
    tokens = random.integers(2, 30_000, lengths.sum()).astype(np.int32)
    texts = EncodedTexts(tokens, np.cumsum(lengths) - lengths, lengths, Targets(random.integers(0, 10, len(lengths))))
    config = ModelConfig(cell="lstm", embedding_dim=300, hidden_size=512, ngrams=1, linear="none")
    model = build_network(config, vocab_size=30_000, num_classes=10).to(CUDA)
    settings = FitSettings(256, 1, 40, learning_rate=lambda step: 1e-3, grad_clip_norm=1.0)
    optimizer = build_optimizer(model, learning_rate=1e-3, weight_decay=0.01)
    yield epoch_steps(model, texts, plain(cross_entropy()), optimizer, state, settings)


def run(steps: Iterator[Step], count: int, state: TrainingState) -> None:
    for _ in range(count):
        next(steps)
    flush_metrics(state)


def test_the_loop_does_not_wait_for_the_device(steps: Iterator[Step], state: TrainingState) -> None:
    next(steps), next(steps)  # the first ones set up libraries and memory
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            next(steps)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    flush_metrics(state)
    assert state.steps == 7


def test_the_device_computes_nine_tenths_of_the_time(
    steps: Iterator[Step], state: TrainingState, tmp_path: Path
) -> None:
    run(steps, 5, state)
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        run(steps, 20, state)
    profile.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    kernels = sorted((event["ts"], event["ts"] + event["dur"]) for event in events if event.get("cat") == "kernel")
    assert len(kernels) > 100
    busy, until = 0.0, kernels[0][0]  # of kernels that run at the same time, each moment counts once
    for begin, end in kernels:
        busy += max(end - max(begin, until), 0.0)
        until = max(until, end)
    share = busy / (until - kernels[0][0])
    print(f"kernels run during {share:.1%} of the loop")
    assert share >= 0.9


def test_explanations_on_the_gpu_are_those_on_the_cpu(cli: Cli, train_file: Path) -> None:
    assert cli("train", "--data", "train.tsv", *TINY, "--device", "cuda").code == 0
    texts = [line.split("\t")[1] for line in train_file.read_text().splitlines()]
    on_gpu, on_cpu = (TextClassifier.load("runs/train", device=name).explain(texts) for name in ("cuda", "cpu"))
    for one, other in zip(on_gpu, on_cpu, strict=True):
        assert [token.value for token in one.tokens] == pytest.approx([token.value for token in other.tokens], abs=1e-3)
