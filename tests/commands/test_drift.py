"""`predict` and texts that are far from those of training: one line at the end, and none for texts like them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TINY, Cli, copy_template, make_rows, sets, train_in, write_tsv
from tests.forked import Forked
from textrnn import RNNClassifier

DIFFER = "warning: the texts differ from those that the model was trained on: "


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells its classes apart and reads at most 20 tokens, trained once."""
    folder = tmp_path_factory.mktemp("learnt")
    write_tsv(folder / "train.tsv", make_rows(300))
    options = sets("train.epochs=8", "train.learning_rate=0.03", "data.max_length=20", "model.dropout=0")
    train_in(folder, "--data", "train.tsv", *TINY, *options, "--run-dir", "run")
    return folder


@pytest.fixture
def run(learnt: Path, workplace: Path) -> Path:
    copy_template(learnt, workplace, "run")
    return Path("run")


def texts_like(count: int, **options: object) -> list[str]:
    return [text for _, text in make_rows(count, seed=3, **options)]  # type: ignore[arg-type]


@pytest.fixture
def lines(cli: Cli, run: Path) -> Callable[..., list[str]]:
    """What `predict` writes to stderr about these texts, a line each."""

    def predict(texts: list[str], *options: object) -> list[str]:
        Path("new.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        result = cli("predict", run, "new.txt", "--format", "text", *options)
        assert (result.code, result.out.count("\n")) == (0, len(texts)), result.err
        return result.err.splitlines()

    return predict


def test_texts_like_those_of_training_give_no_line(lines: Callable[..., list[str]]) -> None:
    assert lines(texts_like(150)) == []


def test_unknown_tokens_are_one_line_at_the_end_with_their_share(lines: Callable[..., list[str]]) -> None:
    texts = texts_like(150)
    foreign = [f"{text} fünf ganz unbekannte Wörter hier" for text in texts]
    assert lines(foreign[:99]) == []
    (line,) = lines(foreign, "--batch-size", 16)
    assert line.startswith(DIFFER) and "docs/how-to/drift.md" in line
    assert " of their tokens are unknown (training: " in line and "label" not in line.removeprefix(DIFFER).split(";")[0]


def test_the_line_names_each_share_that_differs(lines: Callable[..., list[str]]) -> None:
    (line,) = lines(texts_like(150, labels=("sport",)))
    assert "% of them get the label sport (training: " in line
    assert "unknown" not in line and "cut" not in line
    long = [f"{text} {'the a one was is very late good ' * 3}" for text in texts_like(150)]
    cut, line = lines(long)
    assert "were cut" in cut and "100 % of them are cut at 20 tokens (training: 0 %)" in line


def test_texts_without_a_token_and_bad_rows_do_not_count(cli: Cli, run: Path) -> None:
    rows = [json.dumps({"text": text}) for text in texts_like(99)] + ['{"text": ""}', '{"text": 1}'] * 200
    Path("new.jsonl").write_text("".join(f"{row}\n" for row in rows))
    result = cli("predict", run, "new.jsonl", "--bad-rows", "mark")
    assert result.code == 0
    assert DIFFER not in result.err


def test_a_stream_is_judged_as_a_whole_at_its_end(run: Path) -> None:
    process = Forked("predict", run, "-", "--batch-size", 8)
    out, error = process.communicate("".join(f"ganz anders {number}\n" for number in range(120)).encode())
    assert (process.returncode, out.count(b"\n")) == (0, 120)
    assert error.decode().count(DIFFER) == 1


def test_a_model_without_statistics_gives_no_line_and_a_damaged_file_an_error(
    cli: Cli, run: Path, lines: Callable[..., list[str]]
) -> None:
    foreign, file = ["ganz anders"] * 120, run / "model" / "training_texts.json"
    assert len(lines(foreign)) == 1
    saved = json.loads(file.read_text())
    assert len(saved["class_shares"]) == 3
    for content in ("{", "[]", json.dumps(saved | {"class_shares": [1]}), json.dumps(saved | {"texts": 10**400}),
                    json.dumps(saved | {"cut_share": 2}), json.dumps(saved | {"more": 1})):  # fmt: skip
        file.write_text(content)
        result = cli("predict", run, "new.txt")
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith(f"error: {file}: damaged: ") and result.err.count("\n") == 1
    file.unlink()
    assert lines(foreign) == []


@pytest.mark.parametrize("options", [["data.dev_fraction=0"], ["train.folds=2"]])
def test_each_way_to_train_knows_its_texts(cli: Cli, workplace: Path, options: list[str]) -> None:
    write_tsv(workplace / "train.tsv", make_rows(120))
    assert cli("train", "--data", "train.tsv", *TINY, *sets(*options), "--run-dir", "run").code == 0
    (workplace / "new.txt").write_text("ganz anders\n" * 120)
    assert "100 % of their tokens are unknown (training: 1" in cli("predict", "run", "new.txt").err


def test_a_saved_estimator_knows_its_texts(cli: Cli, workplace: Path) -> None:
    labels, texts = zip(*make_rows(120), strict=True)
    classifier = RNNClassifier(preset="plain", hidden_size=8, embedding_dim=8, epochs=1, linear="none")
    classifier.fit(texts, labels).save("model")
    (workplace / "new.txt").write_text("ganz anders\n" * 120)
    assert DIFFER in cli("predict", "model", "new.txt").err
    shutil.copytree("model", "copy")
    Path("copy/training_texts.json").unlink()
    assert DIFFER not in cli("predict", "copy", "new.txt").err
