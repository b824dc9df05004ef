"""`textrnn init`: a config for a file, by what is in it, that `train` takes as it is."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.commands.bad_inputs import put
from tests.conftest import TINY, Cli, make_rows, write_tsv

ROWS = make_rows(60)
TSV = "".join(f"{label}\t{text}\n" for label, text in ROWS)
HOTELS = "评论,评分\n" + "".join(f"这家酒店的服务真的很好我们都喜欢{text},{label}评\n" for label, text in ROWS)
FLAGS = "text,hot,cold\n" + "".join(f"{text},{at % 2},{1 - at % 2}\n" for at, (_, text) in enumerate(ROWS))
# a file's name, its content, and the keys of `data` beside `train` that a config needs to read it
FILES: dict[str, tuple[str, str | bytes, dict[str, object]]] = {
    "tsv": ("t.tsv", TSV, {}),
    "fasttext": ("t.txt", "".join(f"__label__{label} {text}\n" for label, text in ROWS), {}),
    "a tsv with the label last": (
        "t.tsv", "".join(f"{text}\t{label}\n" for label, text in ROWS), {"text_column": 0, "label_column": 1},
    ),
    "a tsv with a header": (
        "t.tsv", "kind\twhat\n" + "".join(f"{label}\t{text}\n" for label, text in ROWS),
        {"text_column": "what", "label_column": "kind"},
    ),
    "a tsv with quotes": (
        "t.tsv", "label\ttext\n" + "".join(f'"{label}"\t"{text}"\n' for label, text in ROWS), {"format": "csv"},
    ),
    "csv": ("t.csv", "text,label\n" + "".join(f"{text},{label}\n" for label, text in ROWS), {}),
    "csv with other columns": (
        "t.csv", "id;stars;comment\n" + "".join(f"{at};{label};{text}\n" for at, (label, text) in enumerate(ROWS)),
        {"text_column": "comment", "label_column": "stars"},
    ),
    "csv files joined with their headers": (
        "t.csv", 2 * ("id,review,stars\n" + "".join(f"{at},{text},{label}\n" for at, (label, text) in enumerate(ROWS))),
        {"text_column": "review", "label_column": "stars"},
    ),
    "csv with meaningless names": (
        "t.csv", "v1,v2,,\n" + "".join(f"{label},{text},,\n" for label, text in ROWS),
        {"text_column": "v2", "label_column": "v1"},
    ),
    "csv without a header": (
        "t.csv", "".join(f"{at},{text},{label}\n" for at, (label, text) in enumerate(ROWS)),
        {"text_column": 1, "label_column": 2},
    ),
    "csv in the order of the labels": (
        "t.csv", "a,b\n" + "".join(f"{text},{label}\n" for label, text in sorted(ROWS)),
        {"text_column": "a", "label_column": "b"},
    ),
    "jsonl": (
        "t.jsonl", "".join(json.dumps({"stars": len(label), "id": at, "tags": [], "body": text}) + "\n"
                           for at, (label, text) in enumerate(make_rows(60, labels=("food", "sport")))),
        {"text_column": "body", "label_column": "stars"},
    ),
    "gzip": ("t.tsv.gz", gzip.compress(TSV.encode()), {}),
    "GB18030": (
        "t.csv", HOTELS.encode("gb18030"), {"encoding": "gb18030", "text_column": "评论", "label_column": "评分"},
    ),
    "cp1252, late in the file": ("t.tsv", (TSV * 40 + "food\t£20\n").encode("cp1252"), {"encoding": "cp1252"}),
    "UTF-16": ("t.tsv", TSV.encode("utf-16"), {"encoding": "utf-16"}),
    "a bad row": ("t.tsv", TSV + "no label\n", {"bad_rows": "skip"}),
}  # fmt: skip


def run_init(cli: Cli, *words: object) -> tuple[str, dict[str, dict[str, object]]]:
    """The YAML that `init` prints, as text and parsed; it writes nothing else."""
    result = cli("init", *words)
    assert (result.code, result.err) == (0, ""), result.err
    tree = yaml.safe_load(result.out)
    return result.out, {name: section or {} if name != "preset" else section for name, section in tree.items()}


@pytest.mark.parametrize(("name", "content", "keys"), FILES.values(), ids=FILES)
def test_a_config_says_what_is_needed_to_read_the_file(
    name: str, content: str | bytes, keys: dict[str, object], cli: Cli
) -> None:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    _, tree = run_init(cli, name)
    assert tree.pop("data") == {"train": name, **keys}
    assert not any(tree.values())
    put({"c.yaml": cli("init", name).out})
    read = cli("vocab", "--config", "c.yaml")
    assert read.code == 0 and "no effect" not in read.err and read.out.count("label ") >= 2, read.err


def test_empty_labels_and_texts_are_no_classes_and_no_tokens(cli: Cli) -> None:
    rows = [f"{text},{label}\n" for label, text in ROWS] + [",food\n", "no label,\n"]
    put({"t.csv": "what,kind\n" + "".join(rows)})
    text, _ = run_init(cli, "t.csv")
    comments = " ".join(text.replace("#", " ").split())
    assert "'kind' (3)" in comments and "3 classes: " in comments
    assert "1 of 61 texts have none: train leaves them out" in comments


def test_the_commands_at_the_end_work_as_they_are_typed(cli: Cli) -> None:
    write_tsv(Path("my reviews.tsv"), ROWS)
    write_tsv(Path("new.tsv"), ROWS[:3])
    result = cli("init", "my reviews.tsv", "-o", "my config.yaml", "--preset", "plain", *TINY)
    assert (result.code, result.out) == (0, ""), result.err
    text = Path("my config.yaml").read_text()
    lines = [re.split("   *", line)[1] for line in text.splitlines() if line.startswith("#  textrnn ")]
    assert [shlex.split(line)[1] for line in lines] == ["check", "train", "eval", "predict"]
    for line in lines:
        command = cli(*shlex.split(line)[1:])
        assert command.code == 0 and "no effect" not in command.err, command.err
    assert command.out.count("\n") == 3


def test_a_folder_is_read_in_the_encoding_of_all_its_documents(cli: Cli) -> None:
    for at, (label, text) in enumerate(ROWS):
        path = Path("train", label, str(at))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + " £20" * (at == 59), encoding="cp1252")
    Path("test").mkdir()
    text, tree = run_init(cli, "train")
    assert tree["data"] == {"train": "train", "encoding": "cp1252"}
    assert "#test: test\n" in text


def test_files_beside_it_are_offered_but_not_read(cli: Cli) -> None:
    for name in ("train_1.tsv", "val_1.tsv", "test_1.tsv"):
        write_tsv(Path(name), ROWS)
    text, tree = run_init(cli, "train_1.tsv")
    assert "#dev: val_1.tsv" in text and "#test: test_1.tsv" in text and tree["data"] == {"train": "train_1.tsv"}
    text, tree = run_init(cli, "t*_1.tsv")
    assert tree["data"] == {"train": "t*_1.tsv"} and "120 texts" in text


@pytest.mark.parametrize(("share", "limit"), [(0.2, None), (0.5, 700)])
def test_many_long_texts_get_a_larger_limit(share: float, limit: int | None, cli: Cli) -> None:
    """As `train` would advise."""
    long = [(label, f"{text} " * 50 if at < 60 * share else text) for at, (label, text) in enumerate(ROWS)]
    write_tsv(
        Path("t.tsv"), [(label, " ".join((text.split() * 90)[: 700 if len(text) > 200 else 9])) for label, text in long]
    )
    _, tree = run_init(cli, "t.tsv")
    assert tree["data"].get("max_length") == limit
    put({"c.yaml": cli("init", "t.tsv").out})
    assert "data.max_length" not in cli("vocab", "--config", "c.yaml").err


def test_very_long_texts_do_not_get_a_limit_that_takes_hours(cli: Cli) -> None:
    write_tsv(Path("t.tsv"), [(label, " ".join((text.split() * 900)[:5000])) for label, text in ROWS])
    text, tree = run_init(cli, "t.tsv")
    assert 512 < tree["data"]["max_length"] <= 1000 and "cover 0 % of the texts in full" in text


def test_few_texts_of_a_class_and_labels_that_are_numbers_get_a_hint(cli: Cli) -> None:
    text, _ = run_init(cli, write_tsv(Path("t.tsv"), ROWS))
    assert "#class_weights: none" in text and "label_names" not in text and "#folds: 4" in text
    rows = [("0", text) for _, text in ROWS] + [("1", text) for _, text in ROWS[:4]]
    text, tree = run_init(cli, write_tsv(Path("t.tsv"), rows))
    assert "#class_weights: balanced" in text and "15 times as many" in text and "#label_names: " in text
    assert not tree["train"] and "1 with fewer than 10 texts" in text


def test_chinese_is_told_from_texts_with_spaces(cli: Cli) -> None:
    rows = [(label, f"这家酒店真的很好我们都喜欢{at}") for at, (label, _) in enumerate(ROWS)]
    assert "jieba" in run_init(cli, write_tsv(Path("t.tsv"), rows))[0]
    assert "jieba" not in run_init(cli, write_tsv(Path("t.tsv"), ROWS))[0]


def test_a_course_gets_all_usual_keys_of_a_network(cli: Cli, train_file: Path) -> None:
    _, tree = run_init(cli, "train.tsv", "--preset", "plain", "--set", "model.cell=lstm", "--set", "train.epochs=3")
    assert tree["preset"] == "plain"
    keys = {"cell", "embedding_dim", "hidden_size", "num_layers", "bidirectional", "dropout", "pooling"}
    assert tree["model"].keys() == keys and tree["model"]["cell"] == "lstm"
    assert tree["train"].keys() == {"epochs", "learning_rate", "grad_clip_norm"} and tree["train"]["epochs"] == 3
    put({"c.yaml": cli("init", "train.tsv", "--preset", "plain").out})
    plain = ["--run-dir", "a"], ["--run-dir", "b"]
    small = ["--set", "train.epochs=1"]
    assert cli("train", "--config", "c.yaml", *plain[0], *small).code == 0
    assert cli("train", "--data", "train.tsv", "--preset", "plain", *plain[1], *small).code == 0
    weights = [Path(run, "model/model.safetensors").read_bytes() for run in "ab"]
    assert weights[0] == weights[1]  # the keys have their defaults


def test_what_the_user_sets_is_not_guessed(cli: Cli) -> None:
    put({"t.csv": "a,b,c\n" + "".join(f"{text},{label},{at % 2}\n" for at, (label, text) in enumerate(ROWS))})
    _, tree = run_init(cli, "t.csv")
    assert tree["data"] == {"train": "t.csv", "text_column": "a", "label_column": "c"}
    _, tree = run_init(cli, "t.csv", "--label-column", "b", "--set", "data.max_length=4")
    assert tree["data"] == {"train": "t.csv", "text_column": "a", "label_column": "b", "max_length": 4}
    _, tree = run_init(cli, "t.csv", "--text-column", "b,a")
    assert tree["data"] == {"train": "t.csv", "text_column": ["b", "a"], "label_column": "c"}


@pytest.mark.parametrize(
    ("name", "content", "words", "parts"),
    [
        ("t.csv", "", [], ["t.csv"]),
        ("t.csv", "text,label\n", [], ["no labelled texts"]),
        ("t.tsv", "", [], ["no labelled texts"]),
        ("t.csv", "text,label\none,x\ntwo,x\n", [], ["two or more classes", "'x'", "--label-column"]),
        ("t.csv", "title,body\n" + "".join(f"{at},{text}\n" for at, (_, text) in enumerate(ROWS)), [],
         ["'title', 'body'", "--text-column", "--label-column"]),
        ("t.csv", "text\n" + "".join(f"{text}\n" for _, text in ROWS), [], ["'text'", "add a column of labels"]),
        ("t.csv", FLAGS, [], ["'hot', 'cold'", "one column per class"]),
        ("t.tsv", "".join(f"{at}\t{text}\n" for at, (_, text) in enumerate(ROWS)), [],
         ["60 different labels", "--label-column"]),
        ("t.tsv", "food\tsoup\nsport\n" * 9, [], ["t.tsv:2: ", "9 of 18", "data.bad_rows=skip"]),
        ("t.tsv", "food\tsoup\nsport\tgoal\n", ["--set", "data.train=u.tsv"], ["data.train"]),
        ("u.tsv", "", [], ["t.tsv: no such file"]),
        ("t.tsv", "food\tsoup\nsport\tgoal\n", ["--set", "model.cel=gru"], ["did you mean model.cell?"]),
    ],
)  # fmt: skip
def test_a_file_without_labels_is_one_message(
    name: str, content: str, words: Sequence[str], parts: Sequence[str], cli: Cli
) -> None:
    Path(name).write_text(content)
    given = name if name != "u.tsv" else "t.tsv"
    result = cli("init", given, *words, "-o", "c.yaml")
    assert result.code in (1, 2) and result.out == "" and "Traceback" not in result.err
    assert all(part in result.err for part in parts), result.err
    assert not Path("c.yaml").exists()


def test_an_existing_config_and_an_input_are_kept(cli: Cli, train_file: Path) -> None:
    put({"c.yaml": "mine"})
    refused = cli("init", "train.tsv", "-o", "c.yaml")
    assert refused.code == 1 and "c.yaml" in refused.err and "--force" in refused.err
    assert Path("c.yaml").read_text() == "mine"
    before = train_file.read_text()
    os.link("train.tsv", "link.yaml")
    for name in ("train.tsv", "link.yaml"):
        assert cli("init", "train.tsv", "-o", name, "--force").code == 2
    assert train_file.read_text() == before
    assert cli("init", "train.tsv", "-o", "c.yaml", "--force").code == 0
    assert Path("c.yaml").read_text() != "mine"
    assert cli("init", "train.tsv", "-o", "no/c.yaml").code == 1


def test_of_a_large_file_only_the_first_texts_are_looked_at(cli: Cli) -> None:
    with Path("t.tsv").open("w") as stream:
        stream.writelines(f"a\t{at}\n" for at in range(100_001))
        stream.write("b\tbad\nb\n")
    text, tree = run_init(cli, "t.tsv")
    assert "100,000 texts were looked at; there are more" in text and tree["data"] == {"train": "t.tsv"}
    assert "#dev_fraction: 0.1" in text


@pytest.mark.parametrize("name", ["a\nb: [.tsv", os.fsdecode(b"caf\xe9.tsv"), "# - '\".tsv"])
def test_a_strange_name_stays_within_its_comments(name: str, cli: Cli) -> None:
    write_tsv(Path(name), [("x\u2028#", text) if label == "food" else (label, text) for label, text in ROWS])
    result = cli("init", name, "-o", "c.yaml")
    assert result.code == 0, result.err
    assert cli("vocab", "--config", "c.yaml").code == 0
