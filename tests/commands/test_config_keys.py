"""No dead keys: each key of the config changes what it says it changes, seen from outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.commands import effects_of_data, effects_of_models, effects_of_training  # noqa: F401 - they fill EFFECTS
from tests.commands.effects import EFFECTS, Run, Seen, write_corpora
from tests.conftest import PLAIN, Cli, sets
from tests.stops import at_file
from textrnn.config import known_keys
from textrnn.training import recorder

# 36 training and 4 dev texts in batches of 9: four steps an epoch.
BASE = [
    *PLAIN, "model.embedding_dim=8", "model.hidden_size=8", "train.epochs=2", "train.batch_size=9",
    "vocab.min_count=1", "train.learning_rate=0.01",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """Runs by their settings, so that those in common are made once."""
    return {}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    write_corpora(folder)
    return folder


@pytest.fixture
def train(cli: Cli, corpora: Path, runs: dict, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """`train("model.cell=lstm")` trains with BASE and these settings, once. {} is the folder of the texts."""

    def make(*settings: str) -> Run:
        name = "|".join(settings)
        if name not in runs:
            saves: list[Any] = []
            with monkeypatch.context() as patch, at_file("state.safetensors", lambda: saves.append(None)):
                patch.setattr(recorder, "training_curves", lambda history: [])
                chosen = ["data.train={}/train.tsv", "data.cache_dir={}/cache", *BASE, *settings]
                options = sets(*(item.replace("{}", str(corpora)) for item in chosen))
                folder = corpora / f"run{len(runs)}"
                result = cli("train", *options, "--run-dir", folder)
            tf32 = {torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32}
            runs[name] = Run(folder, result.code, result.err, len(saves), tf32=tf32 == {True})
        return runs[name]

    return make


@pytest.mark.parametrize(("setting", "context", "seen"), EFFECTS)
def test_each_key_has_its_effect(setting: str, context: tuple[str, ...], seen: Seen, train: Callable) -> None:
    before, after = train(*context), train(*context, setting)
    assert after.code == 0, after.log
    seen(before, after)


def test_no_key_is_without_a_test() -> None:
    assert {param.values[0].split("=")[0] for param in EFFECTS} == set(known_keys())
