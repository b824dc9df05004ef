from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from textrnn.config import Config, build_config
from textrnn.errors import CheckpointError
from textrnn.reports.charts import plot_curves, save_png, training_curves
from textrnn.run.records import (
    add_to_history,
    compare_environment,
    config_differences,
    cut_history,
    describe_environment,
    effective_values,
    is_environment,
    load_environment,
    read_history,
    save_environment,
    saved_digests,
    training_seconds,
)

NOW = describe_environment(torch.device("cpu"))
compare = partial(compare_environment, restart="textrnn train --force")
DIGESTS = {"data.train": "ab", "data.dev": "cd"}


def test_what_was_saved_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    assert not is_environment(path)
    path.write_text('{"torch": "2.1", "data_sha256": {}}')  # of another program
    assert not is_environment(path)
    save_environment(path, NOW | {"threads": 99}, DIGESTS)
    assert is_environment(path)
    before = load_environment(path)
    assert saved_digests(tmp_path) == DIGESTS and saved_digests(tmp_path / "model") == {}
    assert compare(before, NOW, DIGESTS) == [f"threads was 99, is {NOW['threads']}"]
    with pytest.raises(CheckpointError, match=r"^data.dev: the content has changed"):
        compare(before, NOW, DIGESTS | {"data.dev": "ef"})


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe\x00", b"[]", b"3", b"null", b"[" * 100_000, b'{"a":' * 100_000, b"{", b'{"data_sha256": null}',
        b'{"data_sha256": [1]}', b'{"data_sha256": {"data.train": ["ab"], "data.dev": null}}', b'{"textrnn": [1]}',
        b'{"threads": {"x": [null]}, "torch": null, "processes": 1' + b"0" * 9000 + b"}", b'{"threads": NaN}',
    ],
)  # fmt: skip
def test_what_is_damaged_is_not_compared(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "environment.json"
    path.write_bytes(content)
    assert not is_environment(path)
    assert compare(load_environment(path), NOW, DIGESTS) == []
    assert load_environment(path).get("data_sha256", {}).get("data.train") is None


def test_records_are_appended_read_and_cut_and_a_line_cut_short_is_none(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    for epoch in (1, 2, 3):
        add_to_history(path, {"epoch": epoch, "step": 3 * epoch})
    cut_history(path, 3)
    assert read_history(path) == [{"epoch": 1, "step": 3}]
    with path.open("a") as stream:
        stream.write('{"epoch": 2, "step": 6, "dev')
    assert read_history(path) == [{"epoch": 1, "step": 3}]
    cut_history(path, 9)
    assert path.read_text() == '{"epoch": 1, "step": 3}\n'


@pytest.mark.parametrize(
    "line",
    [
        b"[]", b"null", b"3", b'"x"', b"{}", b"\xff\x00\xfe", b"[" * 100_000, b'{"a":' * 100_000,
        b'{"step": 3}', b'{"epoch": 1}', b'{"epoch": 1, "step": null}', b'{"epoch": 1, "step": "3"}',
        b'{"epoch": "1", "step": 3}', b'{"epoch": [1], "step": 3}', b'{"epoch": true, "step": 3}',
        b'{"epoch": 1, "step": 3.5}', b'{"epoch": 1, "step": NaN}', b'{"epoch": 1e400, "step": 3}',
        b'{"epoch": 1, "step": 1' + b"0" * 400 + b"}", b'{"epoch": 1, "step": 1' + b"0" * 9000 + b"}",
        b'{"epoch": 1, "step": 3, "dev_loss": "low"}', b'{"epoch": 1, "step": 3, "train_loss": [1]}',
        b'{"epoch": 1, "step": 3, "fold": 1.5}', b'{"epoch": 1, "step": 3, "fold": true}',
        b'{"epoch": 10000000000000000000000, "step": 3}', b'{"epoch": -1, "step": 3}', b'{"epoch": 1, "step": -3}',
        b'{"epoch": 1, "step": 3, "seconds": -2.5}', b'{"epoch": 1, "step": 3, "fold": 1' + b"0" * 30 + b"}",
        b'{"epoch": 1, "step": 3, "seconds": 1e30}', b'{"epoch": 1, "step": 3, "train_loss": -0.5}',
        b'{"epoch": 1, "step": 3, "dev_loss": NaN}', b'{"epoch": 1, "step": 3, "dev_loss": -Infinity}',
        b'{"epoch": 1, "step": 3, "train_loss": 1e400}', b'{"epoch": 1, "step": 3, "train_loss": -1e300}',
    ],
)  # fmt: skip
def test_odd_lines_are_no_records(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(line + b'\n{"epoch": 2, "step": 6, "train_loss": 0.5}\n')
    assert read_history(path) == [{"epoch": 2, "step": 6, "train_loss": 0.5}]


def draw(folder: Path, history: list[dict[str, Any]]) -> None:
    save_png(folder / "curves.png", plot_curves(history, training_curves(history), {}))


def test_lines_of_parts_and_folds_are_records(tmp_path: Path, drawn: None) -> None:
    path = tmp_path / "history.jsonl"
    parts = {f"dev_{part}_{score}": 0.5 for part in ("network", "linear") for score in ("loss", "accuracy", "macro_f1")}
    records: list[dict[str, Any]] = [
        {"epoch": 1, "step": 3, "fold": 1, **parts},
        {"epoch": 1, "step": 6, "fold": 2, **parts, "dev_linear_loss": None},
        {"epoch": 1, "step": 6, "fold": None, **dict.fromkeys(parts)},
        {"epoch": 1, "step": 6, **parts},
    ]
    for record in records:
        add_to_history(path, record)
    assert read_history(path) == records
    draw(tmp_path, records)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_nan_is_written(tmp_path: Path, value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        add_to_history(tmp_path / "history.jsonl", {"epoch": 1, "step": 3, "dev_loss": value})


def test_curves_of_a_single_and_of_very_large_numbers_can_be_drawn(tmp_path: Path, drawn: None) -> None:
    draw(tmp_path, [{"epoch": 2, "step": 6, "train_loss": 0.5}])
    records = [{"epoch": epoch, "step": 2**53 * epoch, "train_loss": 9e99, "dev_loss": 1e-300} for epoch in (1, 10**20)]
    draw(tmp_path, records)


@pytest.mark.parametrize(
    ("records", "seconds"),
    [
        ([], None),
        ([{"seconds": 2.0}, {"seconds": 5.0}], 5.0),
        ([{"fold": 1, "seconds": 2.0}, {"fold": 1, "seconds": 3.0}, {"fold": 2, "seconds": 4.0}], 7.0),
        ([{"fold": 1, "seconds": 2.0}, {"fold": 2, "seconds": 4.0}, {"seconds": 6.5}], 6.5),
        ([{"fold": 1}], None),
    ],
)
def test_seconds_of_training_are_those_of_all_networks(records: list[dict[str, Any]], seconds: float | None) -> None:
    assert training_seconds(records) == seconds


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
        "train.precision": ["auto", "float32"],
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
