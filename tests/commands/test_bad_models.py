"""Model folders whose files do not go together are refused at once, with the file to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.conftest import TINY, Cli, copy_template
from textrnn.models import encoder
from textrnn.models.embedding import Embedding

CONFIG = Path("run/model/config.yaml")


@pytest.fixture
def run(template: Path, workplace: Path) -> Path:
    """A copy of the template as the current folder."""
    copy_template(template, workplace, "run")
    return Path("run")


def refused(cli: Cli) -> str:
    """The only message of `predict`."""
    result = cli("predict", "run", "test.tsv", "--output", "out.tsv")
    assert (result.code, result.out) == (1, "")
    assert not Path("out.tsv").exists()
    return result.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "hidden_size: 8",
            "hidden_size: 9223372036854775808",
            "model.hidden_size: expected less than or equal to 65536",
        ),
        ("num_layers: 1", "num_layers: 1000000000", "model.num_layers: expected less than or equal to 64"),
        ("fc_size: null", f"fc_size: {'9' * 5000}", "not valid YAML: '99"),
        ("kind: char", "kind: !!bool x", "not valid YAML: 'x' is not a valid bool"),
    ],
)
def test_a_size_beyond_the_limits_is_refused(run: Path, cli: Cli, old: str, new: str, message: str) -> None:
    CONFIG.write_text(CONFIG.read_text().replace(old, new))
    said = refused(cli)
    assert said.startswith("error: run/model/config.yaml:") and message in said and said.count("\n") == 1


def test_sizes_of_other_weights_take_no_memory(run: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    CONFIG.write_text(
        CONFIG.read_text().replace("hidden_size: 8", "hidden_size: 65536").replace("layers: 1", "layers: 64")
    )  # terabytes
    devices = []
    init = Embedding.__init__

    def seen(self: Embedding, *arguments: object, **options: object) -> None:
        init(self, *arguments, **options)
        devices.append(self.table.weight.device.type)

    monkeypatch.setattr(Embedding, "__init__", seen)
    message = refused(cli)
    assert "model.safetensors: networks.0.encoder.layers.0.0.bias_hh_l0: (196608,) was expected, found (24,)" in message
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
    cell = encoder.Cell(lambda size, hidden, _: _Memoryless(size, hidden), 2, lambda rnn, gates: None)
    monkeypatch.setitem(encoder.CELLS, "gru", cell)
    trained = cli("train", "--data", train_file, *TINY, "--set", "model.hidden_size=1024", "--run-dir", "run")
    assert trained.code == 0, trained.err
    assert len(cli("predict", "run", train_file).out.splitlines()) == 60


@pytest.mark.parametrize("path", ["/dev/zero", "../../train.tsv"])
def test_a_dictionary_outside_the_model_is_not_read(run: Path, cli: Cli, path: str) -> None:
    CONFIG.write_text(CONFIG.read_text().replace("_dict: null", f"_dict: {path}"))
    assert "tokenizer.user_dict: expected user_dict.txt, the file in this folder" in refused(cli)


@pytest.mark.parametrize("count", ["0", "-3", "9" * 400])
def test_a_dictionary_with_a_bad_count_is_refused(run: Path, cli: Cli, count: str) -> None:
    CONFIG.write_text(
        CONFIG.read_text().replace("kind: char", "kind: jieba").replace("_dict: null", "_dict: user_dict.txt")
    )
    CONFIG.with_name("user_dict.txt").write_text(f"soup 5\nbread {count}\n")
    assert refused(cli).startswith("error: run/model/user_dict.txt:2: expected a count from 1 to 999999999, found '")
