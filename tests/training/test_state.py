"""Weights and training states: what is saved comes back, and what is not as it was saved is refused."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file
from torch import nn

from textrnn.config import Config, ModelConfig, TokenizerConfig
from textrnn.errors import CheckpointError
from textrnn.linear.mixture import Mixture
from textrnn.models.build import build_network
from textrnn.models.network import Ensemble
from textrnn.run.model import Model, load_model, load_networks, save_model, save_weights
from textrnn.texts.tokenizer import Tokenizer
from textrnn.texts.transform import Transform
from textrnn.texts.vocab import Vocab
from textrnn.training.optim import LazyAdamW, build_optimizer
from textrnn.training.state import TrainingState, load_state, read_state, save_state

STATE = TrainingState(step=1)
SMALL: dict[str, Any] = {"embedding_dim": 4, "hidden_size": 3}


def stepped(**keys: Any) -> tuple[nn.Module, LazyAdamW]:
    """A model after one step of its optimizer."""
    keys_of = [np.arange(81), np.arange(729)][: ModelConfig(**keys).ngrams - 1]
    model = build_network(ModelConfig(**(SMALL | keys)), vocab_size=9, num_classes=2, ngram_keys=keys_of)
    optimizer = build_optimizer(model, learning_rate=0.1, weight_decay=0.01)
    model(torch.randint(2, 9, (5, 3)), torch.tensor([5, 3, 1])).sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.mark.parametrize(
    "keys",
    [
        *({"architecture": architecture, "pooling": pooling, "attention_hops": 1 + (pooling == "attention")}
          for architecture in ("textrnn", "rcnn", "tdnn") for pooling in ("last", "mean", "max", "attention")),
        *({"cell": cell, "num_layers": 2} for cell in ("rnn", "lstm", "gru")),
        {"ngrams": 1, "linear": "none", "fc_size": 5, "bidirectional": False},
        {"freeze_embedding": True},
        {"freeze_embedding": True, "ngrams": 1},
    ],
)  # fmt: skip
def test_a_state_comes_back_with_all_moments(tmp_path: Path, keys: dict[str, Any]) -> None:
    model, optimizer = stepped(**keys)
    save_state(tmp_path / "state", model, optimizer, STATE)
    other, others = stepped(**keys)
    assert load_state(tmp_path / "state", other, others) == STATE
    save_state(tmp_path / "again", other, others, STATE)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "state").read_bytes()


def test_a_state_from_before_the_first_step_has_no_moments(tmp_path: Path) -> None:
    model, optimizer = stepped()
    save_state(tmp_path / "state", model, LazyAdamW(model.parameters()), TrainingState())
    load_state(tmp_path / "state", *stepped())
    save_state(tmp_path / "state", model, optimizer, TrainingState())
    with pytest.raises(CheckpointError, match=r"optimizer.0.exp_avg: nothing was expected, found"):
        load_state(tmp_path / "state", *stepped())


def change(tensors: dict[str, torch.Tensor], name: str, how: str) -> None:
    """Damage one tensor of a file."""
    if how == "missing":
        del tensors[name]
    elif how == "shape":
        tensors[name] = tensors[name].new_zeros(7, 7, 7)
    elif how in ("nan", "-inf"):
        tensors[name].view(-1)[-1] = float(how)
    else:
        tensors[name] = tensors[name].to(getattr(torch, how))


MOMENTS = ["optimizer.0.exp_avg", "optimizer.2.exp_avg_sq", "optimizer.5.step"]
KINDS = ["missing", "shape", "nan", "-inf", "float64", "int64", "bfloat16"]


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("name", [*MOMENTS, "model.embedding.table.weight"])
def test_a_state_with_another_tensor_is_refused_and_nothing_is_loaded(tmp_path: Path, name: str, how: str) -> None:
    model, optimizer = stepped()
    save_state(tmp_path / "good", model, optimizer, STATE)
    tensors = load_file(tmp_path / "good")
    change(tensors, name, how)
    save_file(tensors, tmp_path / "bad", {"progress": json.dumps(STATE.progress())})
    other, others = stepped()
    save_state(tmp_path / "before", other, others, STATE)
    with pytest.raises(CheckpointError, match=rf"bad: the saved state is damaged .*\({name}.*--force"):
        load_state(tmp_path / "bad", other, others)
    save_state(tmp_path / "after", other, others, STATE)
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()


def loaded(path: Path) -> None:
    load_networks(path, Config(model=ModelConfig(**SMALL)), vocab_size=9, num_classes=2)


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("name", ["networks.0.embedding.table.weight", "networks.0.head.1.bias"])
def test_weights_with_another_tensor_are_refused(tmp_path: Path, name: str, how: str) -> None:
    model, _ = stepped()
    save_weights(tmp_path, {0: model.state_dict()})
    loaded(tmp_path / "model.safetensors")
    tensors = load_file(tmp_path / "model.safetensors")
    change(tensors, name, how)
    save_file(tensors, tmp_path / "bad")
    with pytest.raises(CheckpointError, match=rf"bad: (damaged: )?{name}"):
        loaded(tmp_path / "bad")


def test_a_state_needs_all_moments_and_no_others(tmp_path: Path) -> None:
    model, optimizer = stepped()
    save_state(tmp_path / "good", model, optimizer, STATE)
    tensors = load_file(tmp_path / "good")
    without = {name: tensor for name, tensor in tensors.items() if not name.startswith("optimizer.")}
    for odd in (without, tensors | {"optimizer.x.step": torch.zeros(())}, tensors | {"more": torch.zeros(2)}):
        save_file(odd, tmp_path / "bad", {"progress": json.dumps(STATE.progress())})
        with pytest.raises(CheckpointError, match="the saved state is damaged or of another model"):
            load_state(tmp_path / "bad", model, optimizer)


def with_header(header: str | bytes, content: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + content


def one(dtype: str, begin: int = 0, end: int = 4, shape: str = "[1]", name: str = "a") -> str:
    return f'"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}'


META = '"__metadata__":{"progress":"{}"}'
DAMAGED = {
    "empty": b"",
    "no-header": with_header(b""),
    "empty-header": with_header("{}"),
    "huge-header": with_header("{}", length=10**12),
    "negative-header": b"\xff" * 16,
    "header-of-a-list": with_header("[]"),
    "header-not-utf-8": with_header(b'{"\xff":1}'),
    "deep-header": with_header("[" * 100_000),
    "twice": with_header(f"{{{one('F32')},{one('F32', 4, 8)}}}", b"1234" * 2),
    "overlapping": with_header(f"{{{one('F32')},{one('F32', name='b')}}}", b"1234"),
    "offsets-beyond-the-end": with_header(f"{{{one('F32', 0, 400, '[100]')}}}", b"1234"),
    "offsets-backwards": with_header(f"{{{one('F32', 4, 0)}}}", b"1234"),
    "offsets-huge": with_header(f"{{{one('F32', 0, 2**64 - 1, '[4611686018427387903]')}}}", b"1234"),
    "shape-negative": with_header(f"{{{one('F32', shape='[-1]')}}}", b"1234"),
    "shape-overflows": with_header(f"{{{one('F32', shape=f'[{2**40},{2**40}]')}}}", b"1234"),
    **{f"type-{kind}": with_header(f"{{{META},{one(kind, 0, size, shape)}}}", b"1" * size) for kind, size, shape in [
        ("F4", 1, "[2]"), ("F6_E2M3", 3, "[4]"), ("F8_E8M0", 1, "[1]"), ("F8_E4M3", 1, "[1]"), ("F128", 16, "[1]"),
        ("U16", 2, "[1]"), ("U64", 8, "[1]"), ("C64", 8, "[1]"), ("BOOL", 1, "[1]"), ("X", 1, "[1]"),
    ]},
}  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    model, optimizer = stepped()
    with pytest.raises(CheckpointError, match="file: "):
        loaded(path)
    with pytest.raises(CheckpointError, match="file: the saved state is damaged"):
        load_state(path, model, optimizer)


@pytest.mark.parametrize(
    "metadata", [None, {}, {"progress": ""}, {"progress": "[1]"}, {"progress": "null"}, {"progress": "[" * 100_000}]
)
def test_a_state_without_readable_progress_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "state"
    path.write_bytes(save({}, metadata))
    message = "state: the saved state is damaged .*; start over with: textrnn train --force"
    with pytest.raises(CheckpointError, match=message):
        read_state(path)
    with pytest.raises(CheckpointError, match=message):
        load_state(path, *stepped())


def test_a_model_that_went_through_windows_is_the_same(tmp_path: Path) -> None:
    config = Config(model=ModelConfig(**SMALL), tokenizer=TokenizerConfig(kind="jieba"))
    tokenizer = Tokenizer("jieba", user_dict="石墨烯电池 100000 n\n")
    transform = Transform(tokenizer, Vocab(["石墨烯电池", "x"]), 9)
    networks, labels = Ensemble([build_network(config.model, vocab_size=4, num_classes=2)]), ["a", "体育"]
    saved = Model(networks, None, Mixture(), transform, labels, config, class_shares=np.array([0.5, 0.5]))
    save_model(tmp_path / "m", saved)
    for path in tmp_path.glob("m/*.*"):
        if path.suffix != ".safetensors":
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    model = load_model(tmp_path / "m")
    assert model.labels == labels
    assert model.transform.vocab.tokens == transform.vocab.tokens
    assert model.transform.tokenizer("石墨烯电池好") == tokenizer("石墨烯电池好")
    assert model.transform.tokenizer("石墨烯电池好")[0] == "石墨烯电池"


@pytest.mark.parametrize(
    "config", ["model: {hidden_size: 0x" + "f" * 40 + "}", "model: {embedding_dim: 4000000000000}", "a: " + "[" * 2000]
)
def test_a_config_of_no_model_is_refused(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.yaml").write_text(config)
    (tmp_path / "vocab.txt").write_text("<pad>\n<unk>\n")
    (tmp_path / "labels.txt").write_text("a\nb\n")
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(CheckpointError, match="config.yaml:"):
        load_model(tmp_path)
