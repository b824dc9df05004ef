"""Models saved in each version of the format still load and predict what they did.

`models/version_N` is a model as version N of the format wrote it, and RECORDED what it then predicted. They stay as
they are. A new version N gets its own, saved and asked by the code that introduces it:

    awk 'NR % 40 == 1' data/sample/train.tsv > few.tsv
    textrnn train --data few.tsv --run-dir runs/new --device cpu --set train.seed=N \\
        --set model.embedding_dim=8 --set model.hidden_size=6 --set model.dropout=0 --set model.embedding_dropout=0 \\
        --set model.max_ngrams=32 --set train.folds=2 --set train.epochs=20 --set train.batch_size=4
    cp -r runs/new/model tests/run/models/version_N
    textrnn predict tests/run/models/version_N TEXTS --output-format jsonl --top-k 4

with TEXTS, a file of the lines of RECORDED. Add `--set` for what is new in the format, so that the model has it.
(Version 6: every 30th line, and a learning rate of 0.01, with which the network has a weight.)
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.conftest import Cli
from textrnn import RNNClassifier, TextClassifier
from textrnn.config import Config
from textrnn.errors import CheckpointError
from textrnn.run.model_config import FIRST_VERSION, FORMAT_VERSION, defaults_of, kept_keys, read_description

MODELS = Path(__file__).with_name("models")
LABELS = ["complaint", "praise", "question", "request"]
# of each version: text -> the probabilities of LABELS
RECORDED: dict[int, dict[str, list[float]]] = {
    5: {
        "where is my parcel?": [0.2408, 0.2527, 0.2026, 0.304],
        "the screen is broken again, I want my money back": [0.2774, 0.2636, 0.194, 0.265],
        "房间又小又暗，早餐也凉透了。": [0.2634, 0.2993, 0.2001, 0.2372],
        "到地铁站要走多久？": [0.2623, 0.2895, 0.2049, 0.2432],
        "xyzzy": [0.2623, 0.2903, 0.2028, 0.2446],
        "": [0.275, 0.35, 0.15, 0.225],
    },
    6: {
        "where is my parcel?": [0.1805, 0.1517, 0.5325, 0.1354],
        "the screen is broken again, I want my money back": [0.3731, 0.1247, 0.3533, 0.1488],
        "房间又小又暗，早餐也凉透了。": [0.2165, 0.3339, 0.2761, 0.1735],
        "到地铁站要走多久？": [0.1673, 0.1567, 0.4488, 0.2272],
        "xyzzy": [0.278, 0.279, 0.2329, 0.2101],
        "": [0.2593, 0.2593, 0.3148, 0.1667],
    },
}


def without(folder: Path, *names: str) -> None:
    """Remove lines of a model's config.yaml: keys, wherever they stand."""
    config = folder / "config.yaml"
    lines = [line for line in config.read_text().splitlines() if line.split(":")[0].strip() not in names]
    config.write_text("\n".join(lines) + "\n")


def predicted(cli: Cli, model: Path, texts: list[str]) -> list[dict]:
    Path("texts.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    result = cli("predict", model, "texts.txt", "--output-format", "jsonl", "--top-k", "4")
    assert (result.code, result.err) == (0, "")
    return [json.loads(line) for line in result.out.splitlines()]


def test_each_version_has_a_model() -> None:
    versions = range(FIRST_VERSION, FORMAT_VERSION + 1)
    assert sorted(path.name for path in MODELS.iterdir()) == sorted(f"version_{version}" for version in versions)
    assert sorted(RECORDED) == list(versions)
    for version in versions:
        saved = yaml.safe_load((MODELS / f"version_{version}" / "config.yaml").read_text())
        assert saved["format_version"] == version


@pytest.mark.parametrize("version", RECORDED)
def test_a_model_of_each_version_predicts_what_it_did(cli: Cli, version: int) -> None:
    recorded = RECORDED[version]
    items = predicted(cli, MODELS / f"version_{version}", list(recorded))
    for item, probabilities in zip(items, recorded.values(), strict=True):
        found = {each["label"]: each["probability"] for each in item["top"]}
        expected = dict(zip(LABELS, probabilities, strict=True))
        assert found == pytest.approx(expected, abs=1.01e-4)  # one in the last digit that is printed
        assert item["label"] == max(expected, key=expected.__getitem__)


def test_the_version_is_the_first_key_of_a_saved_model(trained: Path) -> None:
    texts, labels = [f"{number} soup" for number in range(40)], ["food", "sport"] * 20
    RNNClassifier(epochs=1, ngrams=1, linear="none", folds=1).fit(texts, labels).save("saved")
    for folder in (trained / "model", Path("saved")):
        saved = yaml.safe_load((folder / "config.yaml").read_text())
        assert next(iter(saved.items())) == ("format_version", FORMAT_VERSION)
    assert "format_version" not in (trained / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("attention_hops", 1), ("rare_dim", 32), ("ngrams", 2), ("ngram_dim", 16), ("linear", "mix"),
        ("empty_texts", "skip"), ("lowercase", True),
    ],
)  # fmt: skip
def test_a_key_that_is_missing_takes_the_default_of_its_version(workplace: Path, key: str, default: object) -> None:
    folder = Path(shutil.copytree(MODELS / "version_5", workplace / "model"))
    without(folder, key)
    tree, _, _ = read_description(folder / "config.yaml")
    assert (tree["data"] | tree["tokenizer"] | tree["model"])[key] == default


NO_NUMBER = "expected a whole number, found {}; copy the file again, or train again"
TOO_OLD = f"saved in version {{}} of the format; this textrnn reads versions from {FIRST_VERSION} on: train again"
TOO_NEW = (
    f"saved by a newer textrnn in version {{}} of the format; this one reads versions up to {FORMAT_VERSION}: upgrade "
    f"textrnn"
)
HUGE = "<a number of about 99 digits>"


def is_refused(cli: Cli, trained: Path, message: str) -> None:
    """By each command and from Python, for the run and for its model, with this message alone."""
    model = trained / "model"
    for command in (
        ["predict", trained, "test.tsv"], ["predict", model, "test.tsv"],
        ["eval", trained], ["eval", model, "test.tsv"],
    ):  # fmt: skip
        result = cli(*command)
        assert (result.code, result.out, result.err) == (1, "", f"error: {model}/config.yaml: {message}\n")
    for folder in (trained, model):
        with pytest.raises(CheckpointError) as caught:
            TextClassifier.load(folder)
        assert str(caught.value) == f"{model}/config.yaml: {message}"


@pytest.mark.parametrize(
    ("written", "problem", "shown"),
    [
        (None, NO_NUMBER, "None"), ("true", NO_NUMBER, "True"), ("false", NO_NUMBER, "False"),
        ("'5'", NO_NUMBER, "'5'"), ("5.0", NO_NUMBER, "5.0"), ("[5]", NO_NUMBER, "[5]"), ("null", NO_NUMBER, "None"),
        ("{}", NO_NUMBER, "{}"), ("0", TOO_OLD, "0"), ("-1", TOO_OLD, "-1"), (f"-{'9' * 100}", TOO_OLD, HUGE),
        (f"{FIRST_VERSION - 1}", TOO_OLD, f"{FIRST_VERSION - 1}"),
        (f"{FORMAT_VERSION + 1}", TOO_NEW, f"{FORMAT_VERSION + 1}"), ("9" * 100, TOO_NEW, HUGE),
    ],
    ids=lambda value: str(value)[:9],
)  # fmt: skip
def test_a_model_of_a_version_that_is_not_read_is_refused(
    cli: Cli, trained: Path, written: str | None, problem: str, shown: str
) -> None:
    config = trained / "model" / "config.yaml"
    without(trained / "model", "format_version")
    version = "" if written is None else f"format_version: {written}\n"
    # the unknown key does not matter in a file that is not understood
    config.write_text(f"{version}{config.read_text()}  key_of_another_day: 1\n")
    is_refused(cli, trained, f"format_version: {problem.format(shown)}")


def test_an_unknown_key_is_refused_as_in_any_config(cli: Cli, trained: Path) -> None:
    config = trained / "model" / "config.yaml"
    config.write_text(config.read_text() + "  hiden_size: 1\n")
    is_refused(cli, trained, "model.hiden_size: no such key; did you mean model.hidden_size?")


@pytest.mark.parametrize(
    ("written", "shown"),
    [("null", "None"), ("[0.5, 0.5]", r"\[0.5, 0.5\]"), ("[0.5, 0.2, 0.2]", r"\[0.5, 0.2, 0.2\]"), ("[x, 0, 1]", ".*")],
)
def test_shares_that_do_not_fit_the_classes_are_refused(trained: Path, written: str, shown: str) -> None:
    config = trained / "model" / "config.yaml"
    tree = yaml.safe_load(config.read_text()) | {"class_shares": yaml.safe_load(written)}
    config.write_text(yaml.safe_dump(tree, sort_keys=False))
    message = f"config.yaml: class_shares: expected 3 shares of classes, from 0 to 1, with the sum 1, found {shown};"
    with pytest.raises(CheckpointError, match=message):
        TextClassifier.load(trained)


def test_sections_that_share_a_mapping_do_not_get_each_other_s_defaults(trained: Path) -> None:
    config = trained / "model" / "config.yaml"
    tree = yaml.safe_load(config.read_text())
    about = yaml.safe_dump({key: tree[key] for key in ("format_version", "class_shares")})
    config.write_text(about + "data: &empty {}\ntokenizer: *empty\n" + yaml.safe_dump({"model": tree["model"]}))
    assert TextClassifier.load(trained).config.tokenizer.kind == "char"


def test_eval_of_a_model_folder_takes_its_own_keys_and_those_that_are_set(cli: Cli, trained: Path) -> None:
    rows = Path("test.tsv").read_text()
    Path("latin.tsv").write_text(rows.replace("soup", "soupé"), encoding="latin-1")
    assert cli("eval", trained / "model", "latin.tsv").code == 1  # utf-8, by the model's own config
    assert cli("eval", trained / "model", "latin.tsv", "--set", "data.encoding=latin-1").code == 0


NOT_TO_TRAIN_WITH = (
    "format_version: this file describes a saved model; the config to train with is RUN/config.yaml, in the folder "
    "above RUN/model"
)


@pytest.mark.parametrize(
    "command",
    [
        "train --config runs/train/model/config.yaml",
        "train --config runs/train/model/config.yaml --data train.tsv",
        "train --run-dir runs/train/model --resume",
        "vocab --config runs/train/model/config.yaml --data train.tsv",
    ],
)
def test_a_model_s_description_is_no_config_to_train_with(cli: Cli, trained: Path, command: str) -> None:
    files = sorted(Path().rglob("*"))
    result = cli(*command.split())
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: {trained}/model/config.yaml: {NOT_TO_TRAIN_WITH}\n"
    assert sorted(Path().rglob("*")) == files


def test_the_defaults_of_the_current_version_are_those_of_the_config() -> None:
    assert defaults_of(FORMAT_VERSION) == kept_keys(Config()), (
        "a key that a model keeps is new or gone, or its default has changed: models saved before must keep their "
        "meaning, so append a new version of the format to DEFAULTS in textrnn/run/model_config.py"
    )
