"""`data.unlabelled`: the linear model learns from texts without labels."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, copy_template, sets, train_in, write_tsv
from tests.stops import at_file, at_step, die, send
from textrnn import RNNClassifier, TextClassifier
from textrnn.corpus import unlabelled as limits
from textrnn.linear import regression
from textrnn.runtime.files import data_name
from textrnn.training import linear

TRAIN = ["train", "--data", "train.tsv", "--preset", "linear", "--run-dir"]
SMALL = sets("train.epochs=2", "train.folds=1", "model.hidden_size=4", "model.embedding_dim=4")
# words of the same letters, so that only texts show which of them go together
ALL_WORDS = random.Random(0).sample(["".join(letters) for letters in itertools.permutations("abcde")], 120)
WORDS = {"hot": ALL_WORDS[:60], "ice": ALL_WORDS[60:]}
NAMES = ["linear.safetensors", "linear_all_words.txt"]


def text_of(label: str, rng: random.Random, words: int = 1) -> str:
    return " ".join([*rng.choices(WORDS[label], k=words), *rng.choices(["so", "the", "an"], k=3)])


@pytest.fixture(scope="module", autouse=True)
def _few_candidates() -> Iterator[None]:
    """Four regressions are tried of each fold rather than sixteen, which take most of the time."""
    candidates = [(20, 3.0), (20, 300.0), (200, 3.0), (200, 300.0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regression, "CANDIDATES", candidates)
        patch.setattr(linear, "CANDIDATES", candidates)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with labelled texts of a few words, `train.tsv`; texts of all words, `texts.txt`; texts of other words
    than the labelled ones, `test.tsv`; and runs with and without the unlabelled texts, `run` and `without`."""
    folder, rng = tmp_path_factory.mktemp("finished"), random.Random(0)
    write_tsv(folder / "train.tsv", [(label, text_of(label, rng)) for _ in range(20) for label in ("hot", "ice")])
    write_tsv(folder / "test.tsv", [(label, text_of(label, rng)) for _ in range(40) for label in ("hot", "ice")])
    texts = [text_of(label, rng, 12) for _ in range(150) for label in ("hot", "ice")]
    (folder / "texts.txt").write_text("".join(f"{text}\n" for text in texts))
    train_in(folder, *TRAIN[1:], "run", "--unlabelled", "texts.txt")
    train_in(folder, *TRAIN[1:], "without")
    return folder


@pytest.fixture
def run(finished: Path, workplace: Path) -> Path:
    """Those runs, in the current folder."""
    copy_template(finished, workplace, "run")
    return Path("run")


def same_model(one: Path, other: Path) -> bool:
    return all((one / "model" / name).read_bytes() == (other / "model" / name).read_bytes() for name in NAMES)


def accuracy(cli: Cli, run: str) -> float:
    return float(json.loads(cli("eval", run, "test.tsv", "--json").out)["accuracy"])


def test_words_that_no_labelled_text_has_become_known(cli: Cli, run: Path) -> None:
    assert accuracy(cli, "run") > accuracy(cli, "without") + 0.1


def test_the_log_compares_held_out_scores_with_and_without_them(run: Path) -> None:
    log = (run / "train.log").read_text()
    assert "learning from 340 texts, 300 of them unlabelled: about " in log
    assert "unlabelled: 300 texts of 300" in log
    assert "unlabelled texts: on held-out texts, the linear model has accuracy " in log


def test_explanations_add_up(cli: Cli, run: Path) -> None:
    result = cli("explain", "run", "test.tsv", "--output-format", "jsonl")
    assert result.code == 0, result.err
    for line in map(json.loads, result.out.splitlines()):
        log_odds = line["baseline"] + sum(token["contribution"] for token in line["tokens"])
        assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(line["probability"], abs=1e-3)


def test_other_commands_treat_it_as_any_linear_model(cli: Cli, run: Path) -> None:
    assert cli("compare", "run", "without", "--data", "test.tsv").code == 0
    assert cli("info", "run").code == 0
    shutil.copytree("run/model", "copy")
    predicted = cli("predict", "copy", "texts.txt").out
    assert predicted and predicted == cli("predict", "run", "texts.txt").out
    Path("copy/linear_all_words.txt").unlink()
    damaged = cli("predict", "copy", "texts.txt")
    assert damaged.code == 1 and "linear_all_words.txt" in damaged.err and "Traceback" not in damaged.err


def as_csv(rows: list[dict[str, str]]) -> str:
    return "".join(",".join(cells) + "\n" for cells in [rows[0], *(row.values() for row in rows)])


FORMATS = {
    "part.txt": lambda texts: "".join(f"{text}\n" for text in texts),
    "part_twice.txt": lambda texts: "".join(f"{text}\n" for text in texts * 2),
    "part.txt.gz": lambda texts: "".join(f"{text}\n" for text in texts),
    "part_one_column.csv": lambda texts: as_csv([{"body": text} for text in texts]),
    "part_text_column.csv": lambda texts: as_csv([{"id": "7", "text": text} for text in texts]),
    "part_one_column.tsv": lambda texts: "".join(f"{text}\n" for text in texts),
    "part_second_column.tsv": lambda texts: "".join(f"x\t{text}\n" for text in texts),
    "part_one_key.jsonl": lambda texts: "".join(json.dumps({"body": text}) + "\n" for text in texts),
    "part_text_key.jsonl": lambda texts: "".join(json.dumps({"n": 1, "text": text}) + "\n" for text in texts),
}
LABELLED = {
    "labelled.txt": lambda rows: "".join(f"{label}\t{text}\n" for label, text in rows),
    "labelled.tsv": lambda rows: "".join(f"{label}\t{text}\n" for label, text in rows),
    "labelled.csv": lambda rows: as_csv([{"label": label, "text": text} for label, text in rows]),
}


def test_files_of_all_formats_count_as_one_whatever_their_order(cli: Cli, run: Path) -> None:
    texts = Path("texts.txt").read_text().splitlines()
    for at, (name, write) in enumerate(FORMATS.items()):
        content = write(texts[at :: len(FORMATS)]).encode()
        Path(name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    result = cli(*TRAIN, "other", "--unlabelled", "part*.[tj]*", "--unlabelled", "part*.csv")
    assert result.code == 0, result.err
    assert same_model(Path("other"), run)
    assert "has labels" not in result.err
    assert cli(*TRAIN, "key", *sets("data.unlabelled=part*")).code == 0
    assert same_model(Path("key"), run)


def test_labels_are_not_read_and_reported(cli: Cli, run: Path) -> None:
    texts = Path("texts.txt").read_text().splitlines()
    rows = [("hot" if number % 4 else "ice", text) for number, text in enumerate(texts)]
    for at, (name, write) in enumerate(LABELLED.items()):
        Path(name).write_text(write(rows[at::3]))
    result = cli(*TRAIN, "other", "--unlabelled", "labelled.*")
    assert result.code == 0, result.err
    assert same_model(Path("other"), run)
    for name in LABELLED:
        assert f"{Path(name).absolute()}: has labels, which are not used" in result.err


def labelled_lines(file: str) -> list[tuple[str, str]]:
    return [(label, text) for label, text in (line.split("\t") for line in Path(file).read_text().splitlines())]


def test_soft_labels_and_weights_of_a_class_teach_as_labels_do(cli: Cli, run: Path) -> None:
    rows = [{"label": {label: 1.0}, "text": text, "weight": 1} for label, text in labelled_lines("train.tsv")]
    Path("soft.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    train = ["train", "--data", "soft.jsonl", "--preset", "linear", "--unlabelled", "texts.txt"]
    assert cli(*train, "--run-dir", "same", *sets("data.weight_column=weight")).code == 0
    queries = [text for _, text in labelled_lines("test.tsv")]
    expected = TextClassifier.load("run").predict_proba(queries)
    np.testing.assert_allclose(TextClassifier.load("same").predict_proba(queries), expected, atol=1e-3)

    result = cli(*train, "--run-dir", "hot", *sets("train.class_weights={hot: 30}"))
    assert result.code == 0, result.err
    assert "on held-out texts, the linear model has accuracy" in result.err
    hot = TextClassifier.load("hot")
    column = hot.labels.index("hot")
    assert (hot.predict_proba(queries) - expected)[:, column].mean() > 0.02


@pytest.mark.parametrize("name", ["more.csv", "more.jsonl"])
def test_texts_with_labels_need_no_weights(cli: Cli, run: Path, name: str) -> None:
    labelled = [{"label": label, "text": text, "weight": "2"} for label, text in labelled_lines("train.tsv")]
    more = [{"label": "hot", "text": text} for text in Path("texts.txt").read_text().splitlines()]
    if name == "more.csv":
        Path("train.csv").write_text(as_csv(labelled))
        Path(name).write_text(as_csv(more))
    else:
        soft = [row | {"label": {"hot": 0.7, "ice": 0.3}} for row in more]
        for file, rows in (("train.jsonl", labelled), (name, soft)):
            Path(file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    train = ["train", "--data", name.replace("more", "train"), "--preset", "linear", "--run-dir"]
    result = cli(*train, "other", "--unlabelled", name, *sets("data.weight_column=weight"))
    assert result.code == 0, result.err
    assert "unlabelled: 300 texts of 300" in result.err
    assert f"{Path(name).absolute()}: has labels, which are not used" in result.err


@pytest.mark.parametrize("split", ["test", "dev"])
def test_held_out_texts_are_left_out_and_counted(cli: Cli, run: Path, split: str) -> None:
    tests = [line.split("\t")[1] for line in Path("test.tsv").read_text().splitlines()]
    Path("leak.txt").write_text(Path("texts.txt").read_text() + "".join(f"{text}\n" for text in tests))
    held_out = sets(f"data.{split}=test.tsv")
    clean = run if split == "test" else Path("clean")  # a test file changes nothing else
    if split == "dev":
        assert cli(*TRAIN, "clean", "--unlabelled", "texts.txt", *held_out).code == 0
    result = cli(*TRAIN, "leak", "--unlabelled", "leak.txt", *held_out)
    assert result.code == 0, result.err
    assert f"unlabelled: 300 texts of 380 ({len(tests)} left out, equal to texts of dev or test)" in result.err
    assert same_model(clean, Path("leak"))


@pytest.mark.parametrize("options", [["data.dev_fraction=0.3"], ["data.dev_fraction=0"], ["train.folds=2"]])
def test_other_ways_to_hold_texts_out(cli: Cli, run: Path, options: list[str]) -> None:
    result = cli(*TRAIN, "other", "--unlabelled", "texts.txt", *sets(*options))
    assert result.code == 0, result.err
    assert "unlabelled texts: on held-out texts, the linear model has accuracy " in result.err
    assert accuracy(cli, "other") > 0.7


def test_texts_beyond_the_limit_are_drawn_whatever_their_order(
    cli: Cli, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_TEXTS", 60)
    lines = Path("texts.txt").read_text().splitlines(keepends=True)
    Path("reversed.txt").write_text("".join(lines[::-1]))
    result = cli(*TRAIN, "drawn", "--unlabelled", "texts.txt")
    assert "unlabelled: 60 texts of 300 (the others are too many and were drawn at random)" in result.err
    assert cli(*TRAIN, "again", "--unlabelled", "reversed.txt").code == 0
    assert same_model(Path("drawn"), Path("again"))
    assert cli(*TRAIN, "other", "--unlabelled", "texts.txt", "--seed", "2").code == 0
    assert not same_model(Path("drawn"), Path("other"))


@pytest.mark.parametrize(
    ("texts", "warning"),
    [
        ("der hund bellt laut\nein haus am see\nwir gehen heim\n" * 5, "only 0 % of its words occur in the labelled"),
        ("Это другой алфавит\nи другой язык\nсовсем другой\n", "only 0 % of its words occur in the labelled"),
        ("the an so\n" * 50, None),
        (" \n" * 50, "no text is left to learn from"),
    ],
)
def test_texts_that_teach_nothing_do_no_harm(cli: Cli, run: Path, texts: str, warning: str | None) -> None:
    Path("odd.txt").write_text(texts)
    result = cli(*TRAIN, "other", "--unlabelled", "odd.txt")
    assert result.code == 0, result.err
    assert ("warning: data.unlabelled" in result.err) == (warning is not None) and (warning or "") in result.err
    assert accuracy(cli, "other") >= accuracy(cli, "without") - 0.05


def test_a_class_of_one_text_is_learnt(cli: Cli, run: Path) -> None:
    rows = [line.split("\t") for line in Path("train.tsv").read_text().splitlines()]
    write_tsv(Path("few.tsv"), [*((label, text) for label, text in rows), ("rare", "rareword otherword rareword so")])
    result = cli("train", "--data", "few.tsv", "--preset", "linear", "--unlabelled", "texts.txt")
    assert result.code == 0, result.err
    run_of_few = Path("runs", data_name("few.tsv"))  # the name is that of the labelled file
    assert TextClassifier.load(run_of_few).predict(["rareword otherword rareword so"]) == ["rare"]


@pytest.mark.parametrize("file", ["linear.safetensors", "linear_all_words.txt", "decision.json"])
def test_a_killed_run_ends_with_the_same_files(cli: Cli, run: Path, file: str) -> None:
    with at_file(file, die):
        assert cli(*TRAIN, "cut", "--unlabelled", "texts.txt").code == 130
    result = cli("train", "--resume", "--run-dir", "cut")
    assert result.code == 0, result.err
    assert same_model(Path("cut"), run)


def test_a_changed_file_is_refused_when_a_run_is_resumed(cli: Cli, run: Path) -> None:
    with at_step(1, send()):
        assert cli("train", "--data", "train.tsv", "--unlabelled", "texts.txt", "--run-dir", "cut", *SMALL).code == 143
    Path("texts.txt").write_text(Path("texts.txt").read_text() + "one more text\n")
    result = cli("train", "--resume", "--run-dir", "cut")
    assert result.code == 1 and "error: data.unlabelled: the content has changed since the run began" in result.err


def test_a_model_without_a_linear_part_does_not_use_them(cli: Cli, run: Path) -> None:
    options = ["--run-dir", "other", *SMALL, *sets("model.linear=none")]
    result = cli("train", "--data", "train.tsv", "--unlabelled", "texts.txt", *options)
    assert result.code == 0 and "has no effect: model.linear is none" in result.err


def test_the_estimator_learns_from_them_as_the_command_does(run: Path) -> None:
    rows = [line.split("\t") for line in Path("train.tsv").read_text().splitlines()]
    texts = Path("texts.txt").read_text().splitlines()
    estimator = RNNClassifier(preset="linear", random_state=1)
    estimator.fit([text for _, text in rows], [label for label, _ in rows], unlabelled=texts)
    queries = [line.split("\t")[1] for line in Path("test.tsv").read_text().splitlines()]
    expected = TextClassifier.load("run").predict_proba(queries)
    np.testing.assert_allclose(estimator.predict_proba(queries), expected, rtol=1e-5)
    with pytest.raises(TypeError, match="a list of strings"):
        estimator.fit([text for _, text in rows], [label for label, _ in rows], unlabelled="text")
