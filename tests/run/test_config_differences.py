from __future__ import annotations

import json
from pathlib import Path

import pytest

from textrnn.config import Config, build_config
from textrnn.run.config_differences import config_differences, effective_values, saved_digests


def run_with(folder: Path, **sections: dict) -> Path:
    """A run's folder with the whole config that results from these keys."""
    folder.mkdir()
    (folder / "config.yaml").write_text(build_config(sections, "test").to_yaml())
    return folder


MODEL = Config.model_validate({"model": {"embedding_dim": 96}})


def test_presets_and_defaults_are_part_of_the_values(tmp_path: Path) -> None:
    best, plain = run_with(tmp_path / "best"), run_with(tmp_path / "plain", preset="plain")  # type: ignore[arg-type]
    of_plain = Config.model_validate({"preset": "plain", "model": {"embedding_dim": 96}})
    values = [effective_values(run, model, 1, is_run=True) for run, model in ((best, MODEL), (plain, of_plain))]
    differences = {difference["key"]: difference["values"] for difference in config_differences(values, [{}, {}])}
    assert differences == {
        "preset": ["best", "plain"],
        "model.rare_dim": [32, None],
        "model.ngrams": [2, 1],
        "model.linear": ["mix", "report"],
        "train.folds": [4, 1],
        "train.embedding_lr_multiplier": [5.0, 1.0],
        "train.adversarial_norm": [1.5, None],
    }


def test_sizes_are_those_of_the_model_and_the_history_has_the_values_of_auto(tmp_path: Path) -> None:
    run = run_with(tmp_path / "run")
    lines = [{"fold": fold, "epoch": epoch, "step": 30 * epoch} for fold in (1, 2) for epoch in (1, 2, 3)]
    lines.append({"epoch": 3, "step": 180})
    (run / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with_vectors = Config.model_validate({"model": {"embedding_dim": 50, "rare_dim": None}})  # as it is saved
    values = effective_values(run, with_vectors, 2, is_run=True)
    assert (values["train.epochs"], values["train.batch_size"]) == ("auto (3 trained)", "auto (30 steps an epoch)")
    assert (values["networks"], values["model.embedding_dim"], values["model.rare_dim"]) == (2, 50, None)


def test_files_are_compared_by_content_where_it_is_known(tmp_path: Path) -> None:
    values = [{"data.train": "/x/train.tsv"}, {"data.train": "/y/train.tsv"}]
    assert config_differences(values, [{}, {}]) == [{"key": "data.train", "values": ["/x/train.tsv", "/y/train.tsv"]}]
    assert config_differences(values, [{"data.train": "0" * 64}] * 2) == []
    (found,) = config_differences([values[0]] * 2, [{"data.train": each * 64} for each in "01"])
    assert found["values"] == ["/x/train.tsv (sha256 000000000000)", "/x/train.tsv (sha256 111111111111)"]


def test_keys_that_one_of_them_lacks_say_nothing(tmp_path: Path) -> None:
    """A model without its run knows nothing of its training."""
    run = run_with(tmp_path / "run", train={"epochs": 3})
    values = [effective_values(path, MODEL, 1, is_run=path == run) for path in (run, tmp_path)]
    assert "train.epochs" in values[0] and "train.epochs" not in values[1]
    assert config_differences(values, [{}, {}]) == []


@pytest.mark.parametrize("content", [None, "{", '{"data_sha256": {"data.train": "abc"}}'])
def test_digests_that_are_not_there(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "environment.json").write_text(content)
    assert saved_digests(tmp_path, is_run=True) == ({"data.train": "abc"} if content and "abc" in content else {})
    assert saved_digests(tmp_path, is_run=False) == {}
