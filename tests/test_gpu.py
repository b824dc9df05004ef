"""The same commands on a CUDA device; `make gpu` runs them where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.conftest import TINY, Cli

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_trained_on_the_gpu_gives_the_same_answers_on_the_cpu(
    cli: Cli, train_file: Path, cell: str, precision: str
) -> None:
    options = ["--set", f"model.cell={cell}", "--set", f"train.precision={precision}"]
    assert cli("train", "--data", "train.tsv", *TINY, *options, "--device", "cuda").code == 0
    on_gpu, on_cpu = (
        [line.split("\t") for line in cli("predict", "runs/train", "train.tsv", "--device", device).out.splitlines()]
        for device in ("cuda", "cpu")
    )
    assert len(on_gpu) == len(on_cpu) == 60
    assert all(abs(float(gpu[1]) - float(cpu[1])) < 2e-3 for gpu, cpu in zip(on_gpu, on_cpu, strict=True))
