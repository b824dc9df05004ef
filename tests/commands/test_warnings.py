"""What is odd about data or config but stops nothing: a `warning:` line with what and how much."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.checking.reports import ROWS, tsv, warned
from tests.commands.bad_inputs import put
from tests.conftest import TINY, Cli, make_rows, sets
from textrnn.config import Config
from textrnn.config.needs import Needs

ODD_DATA = {
    "nothing-odd": ({"t.tsv": tsv(ROWS)}, [], ""),
    "class-with-one-document": (
        {"t.tsv": tsv([*ROWS, ("zoo", "a lion")])}, [],
        "label 'zoo' has a single training text: the model can hardly learn it",
    ),
    "class-without-documents": (
        {"t.tsv": "".join(f"a{n}\t0\nb{n}\t1\n" for n in range(30)), "n.txt": "food\nsport\nzoo\n"},
        sets("data.label_names=n.txt", "data.text_column=0", "data.label_column=1"),
        "label 'zoo' has no training text: the model cannot learn it",
    ),
    "fewer-documents-than-a-batch": (
        {"t.tsv": tsv(ROWS)}, sets("train.batch_size=64"),
        "train.batch_size 64 exceeds the number of training texts, 54: one optimizer step per epoch, 1 in total; "
        "for more, use --batch-size 8",
    ),
    "texts-shared-by-train-and-test": (
        {"t.tsv": tsv(ROWS), "u.tsv": tsv([*ROWS[:3], ("food", "a new text")])},
        sets("data.test=u.tsv", "data.dev_fraction=0"),
        "3 of 4 test texts also occur in train: test scores are inflated",
    ),
    "many-texts-cut": (
        {"t.tsv": tsv(ROWS)}, sets("data.max_length=2"),
        "100 % of the training texts are cut at data.max_length 2; --set data.max_length=12 reads 95 % of them whole",
    ),
    "bad-rows-skipped": (
        {"t.tsv": tsv(ROWS) + "no tab\n\tno label\n"}, sets("data.bad_rows=skip"),
        "2 bad rows of train skipped: t.tsv:61: expected 2 fields, found 1: 'no tab'; "
        "t.tsv:62: expected a label, found none",
    ),
    "empty-texts": (
        {"t.tsv": tsv(ROWS) + "food\t\nsport\t \n"}, [],
        "2 train texts have no tokens: left out of training (data.empty_texts: skip); t.tsv:61, t.tsv:62",
    ),
    "nothing-left-for-dev": (
        {"t.tsv": "food\tsoup\nsport\tgoal\n"}, sets("train.batch_size=1"),
        "label 'food' has a single training text: the model can hardly learn it\n"
        "label 'sport' has a single training text: the model can hardly learn it\n"
        "too few texts to hold any out for dev (data.dev_fraction): the last model is kept, not the best",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "options", "message"), ODD_DATA.values(), ids=ODD_DATA)
def test_odd_data_is_reported_and_trained_on(files: dict[str, Any], options: list[str], message: str, cli: Cli) -> None:
    put(files)
    result = cli("train", "--data", "t.tsv", *TINY, *sets("train.epochs=1"), *options)
    assert warned(result) == message.splitlines()
    assert result.out == "runs/t\n"


def test_of_many_classes_some_are_named(cli: Cli) -> None:
    many = [(f"zoo{number:02}", f"a lion is number {each}") for number in range(70) for each in range(3)]
    single = [(f"one{number:02}", "a cat") for number in range(12)]
    put({"t.tsv": tsv([*many, *single])})
    result = cli("train", "--data", "t.tsv", *TINY, *sets("train.epochs=1", "data.dev_fraction=0"))
    assert [line for line in warned(result) if "single" in line] == [
        *(f"label 'one{number:02}' has a single training text: the model can hardly learn it" for number in range(10)),
        "2 more labels have a single training text",
    ]
    assert "\nand 26 more labels, which `textrnn vocab` lists\n" in result.err
    assert len(result.err.splitlines()) < 100


NO_DEV = "data.dev_fraction=0"
# (key and value, what makes it dead, the reason given, what makes it live)
DEAD_KEYS = [
    ("model.nonlinearity=relu", "model.cell=gru", "model.cell is gru, not rnn", "model.cell=rnn"),
    ("model.nonlinearity=relu", "model.architecture=tdnn", "tdnn has no recurrent cell", "model.cell=rnn"),
    ("model.cell=gru", "model.architecture=tdnn", "tdnn has no recurrent cell", None),
    ("model.bidirectional=false", "model.architecture=rcnn", "rcnn always reads both directions", None),
    ("data.dev_fraction=0.2", "data.dev=dev.tsv", "data.dev is given", None),
    ("data.delimiter=;", "data.format=tsv", "data.format is tsv, not csv", "data.train=t.csv"),
    ("data.unlabelled=u.txt", "model.linear=none", "model.linear is none", None),
    ("tokenizer.user_dict=u.txt", None, "tokenizer.kind is char, not jieba", "tokenizer.kind=jieba"),
    ("model.attention_hops=2", "model.pooling=max", "model.pooling is max, not attention", "model.pooling=attention"),
    ("model.rare_dim=8", "model.pretrained=v.txt", "model.pretrained is given", "model.rare_dim=null"),
    ("model.ngram_dim=8", "model.ngrams=1", "model.ngrams is 1", None),
    ("model.max_ngrams=64", "model.ngrams=1", "model.ngrams is 1", None),
    ("train.folds=2", "data.dev=dev.tsv", "data.dev is given", None),
    ("train.folds=2", "data.dev_fraction=0.2", "data.dev_fraction is given", None),
    ("train.patience=1", NO_DEV, "there is no dev set", None),
    ("train.monitor=dev_accuracy", NO_DEV, "there is no dev set", None),
    ("train.tf32=true", "train.precision=bfloat16", "train.precision is bfloat16", None),
    ("model.freeze_embedding=true", None, "model.pretrained is not given", "model.pretrained=v.txt"),
    (
        "train.embedding_lr_multiplier=2", "model.freeze_embedding=true model.pretrained=v.txt model.ngrams=1",
        "model.freeze_embedding is true", "model.ngrams=1",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "dead", "reason", "live"), DEAD_KEYS)
def test_a_key_is_reported_if_it_has_no_effect_and_only_then(
    setting: str, dead: str | None, reason: str, live: str | None, cli: Cli
) -> None:
    put({"t.tsv": tsv(ROWS), "dev.tsv": tsv(make_rows(12, seed=3)), "u.txt": "late goal\n", "v.txt": "a 1\n"})
    put({"t.csv": "label;text\n" + tsv(ROWS).replace("\t", ";")})
    key = setting.partition("=")[0]
    (warning,) = warned(cli("vocab", "--data", "t.tsv", *sets(setting), *sets(*(dead or setting).split())))
    assert warning.startswith(f"{key}: ") and reason in warning
    result = cli("vocab", "--data", "t.tsv", *sets(setting), *sets(live or setting))
    assert (result.code, result.err) == (0, "")


def test_each_key_that_needs_another_is_among_them() -> None:
    sections = Config().sections()
    needy = {
        f"{section}.{name}"
        for section, values in sections
        for name, field in type(values).model_fields.items()
        if any(isinstance(constraint, Needs) for constraint in field.metadata)
    }
    assert needy == {setting.partition("=")[0] for setting, *_ in DEAD_KEYS}


@pytest.mark.parametrize(("cut", "is_reported"), [(15, False), (16, True)])
def test_texts_are_often_cut_if_more_than_a_quarter_is(cut: int, is_reported: bool, cli: Cli) -> None:
    # of 60 texts, the 15 that are cut are a quarter exactly
    texts = ["soup goal soup" if number < cut else "soup goal" for number in range(60)]
    put({"t.tsv": tsv([(("food", "sport")[number % 2], f"{text} {number}") for number, text in enumerate(texts)])})
    result = cli("vocab", "--data", "t.tsv", *sets("data.max_length=3", "data.dev_fraction=0"))
    line = "27 % of the training texts are cut at data.max_length 3; --set data.max_length=4 reads 95 % of them whole"
    assert warned(result) == [line] * is_reported
    assert f"longer than data.max_length 3: {100 * cut / 60:.2f} % of the texts" in result.out


def test_texts_are_often_cut_in_what_is_evaluated(cli: Cli, trained: Path) -> None:
    short, long = "a goal", " ".join(["goal"] * 600)
    put({"u.tsv": tsv([("food", long), ("sport", short), ("travel", short), ("food", short)])})
    assert not warned(cli("eval", trained, "u.tsv"))
    put({"u.tsv": tsv([("food", long), ("sport", long), ("travel", short), ("food", short)])})
    assert warned(cli("eval", trained, "u.tsv")) == [
        "50 % of the u texts are cut at data.max_length 512; --set data.max_length=600 reads 95 % of them whole"
    ]


STEPS = {
    64: "warning: .*one optimizer step per epoch.*",
    27: "note: only 4 optimizer steps in total, which may be too few; for more, use --batch-size 8 or raise --epochs",
    8: "note: only 14 optimizer steps in total, which may be too few; for more, raise --epochs",
}


def test_few_optimizer_steps_are_reported_once(cli: Cli) -> None:
    put({"t.tsv": tsv(ROWS)})
    for batch_size, pattern in STEPS.items():
        result = cli("train", "--data", "t.tsv", "--force", *TINY, *sets(f"train.batch_size={batch_size}"))
        assert len(warned(result)) == pattern.startswith("warning: ")
        (line,) = [line for line in result.err.splitlines() if "optimizer step" in line]
        assert re.fullmatch(pattern, line)


def test_columns_without_effect_are_reported(cli: Cli) -> None:
    put({"x.txt": "__label__a one\n__label__b two\n"})
    options = ["--data", "x.txt", *sets("vocab.min_count=1")]
    found = warned(cli("vocab", *options, *sets("data.text_column=3")))
    assert found[0].startswith("data.text_column and data.label_column have no effect")
    assert not any("have no effect" in line for line in warned(cli("vocab", *options)))
