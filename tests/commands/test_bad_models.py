"""Model folders whose files do not go together are refused at once, with the file to look at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.commands.bad_inputs import check_errors
from tests.conftest import TINY, Cli
from textrnn.models import encoder
from textrnn.models.embedding import Embedding

CONFIG = Path("runs/train/model/config.yaml")


def check_refused(cli: Cli, message: str, **changes: str) -> None:
    """`predict` has no more to say than the message once these keys of the model's config have other values."""
    text = CONFIG.read_text()
    for key, value in changes.items():
        text = re.sub(rf"( {key}: ).*", rf"\g<1>{value}", text)
    CONFIG.write_text(text)
    result = cli("predict", "runs/train", "test.tsv", "--output", "out.tsv")
    assert (result.code, result.out) == (1, "")
    assert not Path("out.tsv").exists()
    check_errors(result.err, message)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("hidden_size", "9223372036854775808", "model.hidden_size: expected less than or equal to 65536"),
        ("num_layers", "1000000000", "model.num_layers: expected less than or equal to 64"),
        ("fc_size", "9" * 5000, "not valid YAML: '99"),
        ("kind", "!!bool x", "not valid YAML: 'x' is not a valid bool"),
    ],
)
def test_a_size_beyond_the_limits_is_refused(trained: Path, cli: Cli, key: str, value: str, message: str) -> None:
    check_refused(cli, f"runs/train/model/config.yaml:…{message}", **{key: value})


def test_sizes_of_other_weights_take_no_memory(trained: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = []
    init = Embedding.__init__

    def seen(self: Embedding, *arguments: object, **options: object) -> None:
        init(self, *arguments, **options)
        devices.append(self.table.weight.device.type)

    monkeypatch.setattr(Embedding, "__init__", seen)
    message = "runs/train/model/model.safetensors: …bias_hh_l0: (262144,) was expected, found (32,)"
    check_refused(cli, message, hidden_size="65536", num_layers="64")  # terabytes
    assert set(devices) == {"meta"}  # which has shapes alone


class _Memoryless(nn.Module):
    """A recurrent cell without a matrix of recurrent weights, as a minGRU is."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gates = nn.Linear(input_size, 2 * hidden_size)

    def forward(self, inputs: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        update, new = self.gates(inputs).chunk(2, dim=-1)
        return update.sigmoid() * new, hidden


def test_a_network_with_fewer_weights_than_any_cell_of_today_is_loaded(
    workplace: Path, train_file: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(encoder.CELLS, "gru", lambda size, hidden, _: _Memoryless(size, hidden))
    trained = cli("train", "--data", train_file, *TINY, "--set", "model.hidden_size=1024", "--run-dir", "run")
    assert trained.code == 0, trained.err
    assert len(cli("predict", "run", train_file).out.splitlines()) == 60


@pytest.mark.parametrize("path", ["/dev/zero", "../../train.tsv"])
def test_a_dictionary_outside_the_model_is_not_read(trained: Path, cli: Cli, path: str) -> None:
    check_refused(
        cli, "runs/train/model/config.yaml:…user_dict: expected user_dict.txt, the file in this folder", user_dict=path
    )


@pytest.mark.parametrize("count", ["0", "-3", "9" * 400])
def test_a_dictionary_with_a_bad_count_is_refused(trained: Path, cli: Cli, count: str) -> None:
    CONFIG.with_name("user_dict.txt").write_text(f"soup 5\nbread {count}\n")
    message = "runs/train/model/user_dict.txt:2: expected a count from 1 to 999999999, found '"
    check_refused(cli, message, kind="jieba", user_dict="user_dict.txt")
