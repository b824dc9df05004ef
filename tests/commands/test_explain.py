"""`textrnn explain`: what it prints and writes, and what it says of input that it cannot explain."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import TINY, Cli, Result, copy_template, make_rows, sets, train_in, write_tsv
from tests.terminal import in_terminal
from textrnn import TextClassifier
from textrnn.commands.explain import terminal_has_colours
from textrnn.explaining import explanations, integrated_gradients
from textrnn.linear import model

JSONL = ["--output-format", "jsonl"]
TEXTS = [
    "the match was late", "Ｓoup, and  bread!", "ﬁnal GOAL of a hotel", "", "qqq zzz", "שלום coach \u202e عالم",
    "a \t b",
]  # fmt: skip


@pytest.fixture(scope="session")
def mixed_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two networks with n-grams and a linear model."""
    folder = tmp_path_factory.mktemp("mixed")
    write_tsv(folder / "train.tsv", make_rows(90))
    mixed = sets("model.ngrams=2", "model.linear=mix", "train.folds=2", "data.max_length=8", "train.epochs=4")
    train_in(folder, "--data", "train.tsv", *TINY, *mixed, "--run-dir", "run")
    return folder


@pytest.fixture
def mixed(mixed_template: Path, workplace: Path) -> Path:
    copy_template(mixed_template, workplace, "run")
    assert len(TextClassifier.load("run").model.networks.networks) == 2  # type: ignore[arg-type]
    return Path("run")


def explain(cli: Cli, run: Path, content: str | bytes, *options: object) -> Result:
    """`textrnn explain` of `texts.txt` with this content."""
    Path("texts.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    return cli("explain", run, "texts.txt", *options)


def items(cli: Cli, run: Path, texts: list[str], *options: str) -> list[dict[str, Any]]:
    Path("texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    result = cli("explain", run, "texts.jsonl", "--text-column", "text", *JSONL, *options)
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize("label", [None, "travel"])
def test_labels_are_those_of_predict_and_tokens_add_up(cli: Cli, mixed: Path, label: str | None) -> None:
    texts = TEXTS + [text for _, text in make_rows(20, seed=3)]
    found = items(cli, mixed, texts, *(["--label", label] if label else []))
    assert [item["text"] for item in found] == texts
    predicted = cli("predict", mixed, "texts.jsonl", *JSONL, "--top-k", "3").out.splitlines()
    classifier = TextClassifier.load(mixed)
    probabilities = classifier.predict_proba(texts)
    for item, line, row in zip(found, predicted, probabilities, strict=True):
        top = {each["label"]: each["probability"] for each in json.loads(line)["top"]}
        assert list(item) == ["text", "label", "probability", "baseline", "tokens"]
        assert item["label"] == (label or json.loads(line)["label"])
        assert item["probability"] == top[item["label"]]
        difference = log_odds(float(row[classifier.labels.index(item["label"])])) - item["baseline"]
        total = sum(token["contribution"] for token in item["tokens"])
        assert abs(total - difference) <= 0.02 * max(1, abs(difference))
        tokens = classifier.transform.tokenizer(item["text"])
        assert [token["token"] for token in item["tokens"]] == tokens
        assert all(item["text"][token["start"] : token["end"]].strip() for token in item["tokens"])


def test_the_linear_models_part_falls_on_the_words_it_knows(cli: Cli, mixed: Path) -> None:
    """With the networks left out of the decision, contributions are exact: each word's weight times its value."""
    decision = json.loads((mixed / "model" / "decision.json").read_text())
    (mixed / "model" / "decision.json").write_text(json.dumps({**decision, "weight": 1.0}))
    (item,) = items(cli, mixed, ["qqq Goal zzz"], "--label", "sport")
    by_token = {token["token"]: token["contribution"] for token in item["tokens"]}
    assert by_token["goal"] > 0.1
    margins = TextClassifier.load(mixed).model.linear.margins(["qqq Goal zzz", ""])  # type: ignore[union-attr]
    scaled = margins / decision["linear_temperature"] / decision["temperature"]
    odds = scaled[:, 1] - np.logaddexp(scaled[:, 0], scaled[:, 2])  # food, sport, travel
    assert item["baseline"] == pytest.approx(odds[1], abs=1e-4)
    assert sum(by_token.values()) == pytest.approx(odds[0] - odds[1], abs=1e-3)


def test_a_word_of_the_class_speaks_for_it(cli: Cli, mixed: Path) -> None:
    for label, word in (("sport", "goal"), ("food", "soup"), ("travel", "hotel")):
        (item,) = items(cli, mixed, [f"we saw the {word} again"])
        assert item["label"] == label
        assert max(item["tokens"], key=lambda token: token["contribution"])["token"] == word


def test_the_text_layout_is_the_default(cli: Cli, trained: Path) -> None:
    result = explain(cli, trained, "the goal was late\n\n")
    assert (result.code, result.err) == (0, "")
    first, second, rest = result.out.split("\n\n")
    label, probability, text = cli("predict", trained, "texts.txt").out.split("\n")[0].split("\t")
    assert first.startswith(f"{label}  {probability}  {text}\n  log-odds ")
    assert second.endswith("  the text has no tokens")
    assert rest == "" and "\x1b" not in result.out


def test_a_terminal_shows_the_text_in_colours(trained: Path) -> None:
    Path("texts.txt").write_text("the goal was late\n")
    code, shown = in_terminal("explain", trained, "texts.txt", columns=100, TERM="xterm-256color", NO_COLOR="")
    assert code == 0, shown
    assert "\x1b[38;5;16;48;5;" in shown and "log-odds" in shown


@pytest.mark.parametrize(
    ("term", "no_color", "wanted"), [("xterm", "", True), ("xterm", "1", False), ("dumb", "", False), ("", "", False)]
)
def test_colours_are_for_those_who_want_them(
    monkeypatch: pytest.MonkeyPatch, term: str, no_color: str, wanted: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert terminal_has_colours() == wanted


def test_a_page_is_written_and_nothing_printed_unless_asked_for(cli: Cli, trained: Path) -> None:
    result = explain(cli, trained, "the goal <b>was</b> late\n", "--html", "why.html")
    assert (result.code, result.out, result.err) == (0, "", "written to why.html\n")
    page = Path("why.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "<b>" not in page
    assert cli("explain", trained, "texts.txt", "--html", "why.html", *JSONL).out.count("\n") == 1


@pytest.mark.parametrize("command", ["explain", "predict"])
def test_a_file_without_texts_is_reported(cli: Cli, trained: Path, command: str) -> None:
    Path("empty.txt").write_text("")
    result = cli(command, trained, "empty.txt")
    assert (result.code, result.out) == (0, "")
    assert "warning: no texts were found" in result.err


def test_an_empty_text_and_one_of_unknown_words_are_the_baseline(cli: Cli, trained: Path) -> None:
    for item in items(cli, trained, ["", " \t", "qqq zzz"]):
        assert item["baseline"] == pytest.approx(log_odds(item["probability"]), abs=1e-3)
        assert all(token["contribution"] == 0 for token in item["tokens"])


def test_an_unknown_label_names_the_nearest_or_all(cli: Cli, trained: Path) -> None:
    result = explain(cli, trained, "a\n", "--label", "sprot", "--html", "no.html")
    message = "error: --label: the model has no label 'sprot'; did you mean sport?\n"
    assert (result.code, result.out, result.err) == (1, "", message)
    assert not Path("no.html").exists()
    result = cli("explain", trained, "texts.txt", "--label", "weather")
    assert result.err == "error: --label: the model has no label 'weather'; known are: food, sport, travel\n"


def test_tokens_beyond_max_length_are_the_linear_models_alone(cli: Cli, mixed: Path) -> None:
    result = explain(cli, mixed, "one two the a we saw had again goal soup\nthe goal\n", *JSONL)
    assert result.err.startswith("warning: 1 text is longer than the network reads (data.max_length, 8 tokens): ")
    assert result.err.endswith("only the linear model reads the rest\n")
    item = json.loads(result.out.splitlines()[0])
    assert len(item["tokens"]) == 10 and item["tokens"][8]["contribution"] != 0


def test_tokens_that_nothing_reads_are_left_out(cli: Cli, mixed: Path) -> None:
    decision = json.loads((mixed / "model" / "decision.json").read_text())
    (mixed / "model" / "decision.json").write_text(json.dumps({**decision, "weight": 0.0}))
    result = explain(cli, mixed, "goal " * 100_000 + "\n", *JSONL, "--html", "long.html")
    assert result.code == 0
    assert "the rest is not explained" in result.err
    assert len(json.loads(result.out)["tokens"]) == 8
    assert Path("long.html").stat().st_size < 20_000


def test_of_a_very_long_text_what_is_read_is_explained(cli: Cli, mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (explanations, model):
        monkeypatch.setattr(module, "MOST_CHARACTERS", 40_000)  # that the linear model reads; a million takes longer
    result = explain(cli, mixed, "goal soup " * 8_000 + "\n", "--html", "long.html", *JSONL)
    assert result.code == 0, result.err
    assert len(json.loads(result.out)["tokens"]) == 8_000
    assert "… and 3,000 more tokens" in Path("long.html").read_text(encoding="utf-8")
    assert len(cli("explain", mixed, "texts.txt").out) < 1000


def test_an_output_that_cannot_be_written_is_reported_before_any_work(cli: Cli, trained: Path) -> None:
    result = explain(cli, trained, "a\n", "--html", "no/why.html", *JSONL)
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("no/why.html: cannot be written: No such file or directory\n")


def test_what_came_before_a_bad_record_is_explained_and_no_page_is_left(cli: Cli, trained: Path) -> None:
    result = explain(cli, trained, b"goal\n\xff\n", "--html", "why.html", *JSONL)
    assert result.code == 1 and result.out.count("\n") == 1
    assert "texts.txt:2: column 1: byte 0xff" in result.err
    assert sorted(path.name for path in Path.cwd().glob("*why*")) == []


def test_sums_that_do_not_fit_are_reported(cli: Cli, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated_gradients, "TOLERANCE", 0.0)
    monkeypatch.setattr(integrated_gradients, "STEPS", 2)
    monkeypatch.setattr(integrated_gradients, "MOST_STEPS", 4)
    result = explain(cli, trained, "the goal\n")
    assert result.code == 0
    assert "warning: 1 explanation does not add up" in result.err


def test_from_python(mixed: Path) -> None:
    classifier = TextClassifier.load(mixed)
    found, _ = classifier.explain(["the goal", "x"], "food")
    assert found.label == "food" and [each.token for each in found.tokens] == ["the", "goal"]
    assert sum(each.value for each in found.tokens) == pytest.approx(found.log_odds - found.baseline, abs=0.05)
    assert classifier.explain([]) == []
    for labels in (["food"], ["food"] * 3):
        with pytest.raises(ValueError, match=f"a label for each text was expected: 2 texts, {len(labels)} labels"):
            classifier.explain(["the goal", "x"], labels)
    with pytest.raises(ValueError, match="the model has no label 'x'"):
        classifier.explain(["a"], "x")
