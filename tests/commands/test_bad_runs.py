"""Runs, models, devices and disks that cannot be used are refused, and nothing is half-written or lost."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.commands.bad_inputs import check_errors, put, snapshot
from tests.conftest import TINY, TRAINED, Cli, copy_template, sets
from tests.forked import Forked
from textrnn import TextClassifier

MODEL = "run/model/"


@pytest.fixture
def run(template: Path, workplace: Path) -> Path:
    """A copy of the template as the current folder."""
    copy_template(template, workplace, "run")
    return Path("run")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes. SIGXFSZ is ignored by Python, so that the write fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


LOG = (
    "device:", "vocabulary:", "train:", "dev:", "test:", "tokens per", "longer than", "label ", "resuming", "epoch ",
    "note: ", "model: ", "training: ",
)  # fmt: skip


def cut(name: str, size: int) -> Callable[[], object]:
    return lambda: Path(name).write_bytes(Path(name).read_bytes()[:size])


def write(name: str, content: str | bytes) -> Callable[[], object]:
    return lambda: put({name: content})


def replace(name: str, old: str, new: str) -> Callable[[], object]:
    return lambda: Path(name).write_text(Path(name).read_text().replace(old, new))


def broken(id: str, damage: Callable[[], object] | None, arguments: str, message: str) -> object:
    """damage: what happens to the run first. message: the only error, see `check_errors`."""
    return pytest.param(damage, arguments.split(), message, id=id)


def model(id: str, damage: Callable[[], object], message: str) -> object:
    """A file of the model is damaged."""
    return broken(id, damage, "predict run test.tsv --output out.tsv", MODEL + message)


BESIDE = "the file does not belong to the config.yaml, vocab.txt and labels.txt next to it"
MODEL_CASES = [
    model(
        "weights-cut-short", cut(MODEL + "model.safetensors", -10),
        "model.safetensors: damaged or cut short (…); copy it again, or train again",
    ),
    model(
        "weights-missing", Path(MODEL + "model.safetensors").unlink,
        "model.safetensors: no such file; …(continue it with: textrnn train --resume --run-dir run), or …removed",
    ),
    model(
        "weights-of-another-shape", replace(MODEL + "config.yaml", "_dim: 8", "_dim: 9"),
        f"model.safetensors: networks.0.embedding.table.weight: (88, 9) was expected, found (88, 8): {BESIDE}",
    ),
    model(
        "vocabulary-cut-short", cut(MODEL + "vocab.txt", 60),
        f"model.safetensors: networks.0.embedding.table.weight: (14, 8) was expected, found (88, 8): {BESIDE}",
    ),
    model("vocabulary-of-garbage", write(MODEL + "vocab.txt", b"\xff\xfe"), "vocab.txt: damaged: …UTF-8 at byte 1"),
    model("labels-missing", Path(MODEL + "labels.txt").unlink, "labels.txt: cannot be read: No such file"),
    broken(
        "predict-with-no-run", write("other/file", "x"), "predict other test.tsv",
        "other: not a run: neither model/config.yaml nor config.yaml with labels.txt is in it",
    ),
    broken(
        "predict-with-a-missing-run", None, "predict other test.tsv",
        "other: no such folder; a run's folder or its model/ was expected",
    ),
]  # fmt: skip

STATE = "run/resume/state.safetensors"
MORE = "train --data train.tsv --set data.test=test.tsv --run-dir run " + " ".join(TINY)
OTHER = "train --data train.tsv --run-dir other"
RESUME = f"{MORE} --resume --set train.epochs=3"
MINE = write("other/mine.txt", "x")
RESTART = "start over with: textrnn train --force --run-dir run"
RESUME_CASES = [
    broken(
        "state-cut-short", cut(STATE, 1000), RESUME,
        f"{STATE}: the saved state is damaged or of another model (…); {RESTART}",
    ),
    broken(
        "resume-without-best-model", Path(MODEL + "model.safetensors").unlink, RESUME,
        f"{MODEL}model.safetensors: the best model so far is missing; {RESTART}",
    ),
    broken(
        "resume-with-another-config", None, f"{MORE} --resume --set model.cell=gru --set train.epochs=1",
        "run/config.yaml: a resumed run keeps its config, but the one given differs in: model.cell, train.epochs "
        "(which may only grow); give the same values, or start a new run with --run-dir or --force",
    ),
    broken(
        "resume-with-other-texts", replace("train.tsv", "soup", "soap"), RESUME,
        f"data.train: the content has changed since the run began; put it back, or {RESTART}",
    ),
    broken("resume-of-no-run", MINE, f"{OTHER} --resume", "other: not a run …: nothing to resume"),
    broken(
        "run-exists", None, MORE,
        "run: the run exists; continue it with: textrnn train --resume --run-dir run; or add --force to start over, "
        "which deletes its eval/ folder as well; or give another --run-dir",
    ),
    broken(
        "force-on-a-folder-that-is-no-run", MINE, f"{OTHER} --force",
        "other: exists and is not a run …; nothing in it was changed; give another --run-dir, or remove it",
    ),
    broken(
        "run-below-a-file", None, MORE.replace("dir run", "dir test.tsv/run"),
        "test.tsv/run: the folder cannot be created: Not a directory",
    ),
    broken("no-gpu", None, f"{MORE} --force --device cuda", "--device cuda: …no CUDA device …; use --device cpu"),
]  # fmt: skip


def vectors(id: str, content: str, message: str) -> object:
    """A file of vectors that cannot be used."""
    return broken(id, write("v.txt", content), VECTORS, message)


VECTORS = f"train --data train.tsv --set model.pretrained=v.txt {' '.join(TINY)}"
EIGHT = "1 2 3 4 5 6 7 8"
VECTOR_CASES = [
    vectors(
        "vectors-of-another-size", "2 3\nthe 1 2 3\nsoup 3 4 5\n",
        "v.txt:2: expected 8 numbers (model.embedding_dim) after the token, found 3",
    ),
    vectors(
        "vector-that-is-no-number", f"the {EIGHT}\nsoup 1 2 3 x 5 6 7 8\n",
        "v.txt:2: expected 8 numbers after the token 'soup'",
    ),
    vectors("vector-cut-short", f"the {EIGHT}\nsoup 1 2\n", "v.txt:2: expected a token and 8 numbers, found 3 fields"),
    vectors("vector-not-finite", "the 1 2 3 4 5 6 7 inf\n", "v.txt:1: the vector of 'the' has …not finite"),
    vectors("vectors-empty", "", "v.txt: found no vectors; expected the word2vec format, lines of `token v1 v2 ...`"),
    broken("vectors-missing", None, VECTORS, "v.txt: no such file"),
]  # fmt: skip

MARK = "(--bad-rows mark gives such rows an empty label and continues)"
PREDICT_CASES = [
    broken(
        "missing-text-file", None, "predict run x.txt --output out.tsv",
        "x.txt: no such file; to classify a text directly, pipe it in: echo x.txt | textrnn predict run",
    ),
    broken("folder-as-a-file", None, "predict run run --format tsv", "run: expected a file …, found a folder"),
    broken(
        "file-as-a-folder", None, "predict run train.tsv --format folder",
        "train.tsv: expected a folder (--format folder), found a file",
    ),
    broken("empty-folder", lambda: Path("texts").mkdir(), "predict run texts", "texts: contains no texts"),
    broken(
        "csv-without-text-column", write("p.csv", "id,body\n1,abc\n"), "predict run p.csv",
        "p.csv:1: no column 'text'; …'id', 'body'. Perhaps --text-column body, or, …--text-column 1",
    ),
    broken(
        "json-without-text", write("p.jsonl", "{}\n"), "predict run p.jsonl",
        f"p.jsonl:1: no key 'text'; the keys are: none. Pass --text-column KEY {MARK}",
    ),
    broken(
        "bad-bytes", write("p.txt", b"ok\ngood\nbad \x80"), "predict run p.txt --output out.tsv",
        f"p.txt:3: column 5: byte 0x80 is not valid utf-8; …cp1252 (it reads 'bad €'): try --encoding cp1252 {MARK}",
    ),
    broken("output-in-no-folder", None, "predict run test.tsv --output no/out.tsv", "no/out.tsv: cannot be written: "),
]  # fmt: skip

EVAL_CASES = [
    broken(
        "label-the-model-lacks", write("e.tsv", "food\tsoup\nzoo\ta lion\n"), "eval run e.tsv",
        "e.tsv:2: unknown label 'zoo'; the model has: food, sport, travel. Correct or remove the row",
    ),
    broken("set-of-another-section", None, "eval run --set model.cell=lstm", "--set model.cell: only keys that "),
    broken(
        "no-test-file", replace("run/config.yaml", "  test: ", "  test: null #"), "eval run --split test",
        "the run has no test data (data.test); give DATA, a labelled file, or --set data.test=FILE",
    ),
    broken("model-without-data", None, "eval run/model", "run/model: …no data of its own: textrnn eval run/model FILE"),
    broken("missing-data", None, "eval run e.tsv", "e.tsv: no such file or folder"),
    broken("output-is-a-file", write("o", ""), "eval run --output o", "o: the folder cannot be created: File exists"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "arguments", "message"),
    [*MODEL_CASES, *RESUME_CASES, *VECTOR_CASES, *PREDICT_CASES, *EVAL_CASES],
)
def test_is_refused_with_one_message_and_nothing_touched(
    damage: Callable | None, arguments: list[str], message: str, cli: Cli, run: Path, no_gpu: None
) -> None:
    if damage is not None:
        damage()
    before = snapshot()
    result = cli(*arguments)
    assert (result.code, result.out) == (1, "")
    check_errors(result.err, message, log=LOG)
    assert snapshot() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --data train.tsv --resume --force", "--resume continues a run, --force starts over"),
        ("train --data train.tsv --device banana", "auto, cpu, cuda or cuda:N was expected, found 'banana'"),
        ("predict run test.tsv --top-k 2", "--top-k needs --output-format jsonl"),
        ("predict run test.tsv --encoding utf-9", "--encoding: unknown encoding 'utf-9'; for example: utf-8"),
        ("eval run test.tsv --split dev", "--split names a part of the run's own data"),
    ],
)
def test_wrong_usage_is_code_2(arguments: str, message: str, cli: Cli, run: Path) -> None:
    before = snapshot()
    result = cli(*arguments.split())
    assert (result.code, result.out) == (2, "")
    assert len([line for line in result.err.splitlines() if "rror" in line and message in line]) == 1
    assert snapshot() == before


def test_bad_bytes_from_a_pipe_are_reported_by_line(run: Path) -> None:
    predict = Forked("predict", run)
    error = predict.communicate(b"ok\n\xe4\xbd \n")[1].decode()
    assert predict.returncode == 1
    check_errors(error, "stdin:2: column 1: byte 0xe4 is not valid utf-8…--encoding")


def test_a_loss_that_is_not_finite_stops_training_at_its_step(cli: Cli, run: Path) -> None:
    options = sets("train.learning_rate=1e30", "train.grad_clip_norm=null")
    result = cli("train", *TRAINED, *options, "--run-dir", "wild")
    assert (result.code, result.out) == (1, "")
    message = "training stopped: the loss is not finite at epoch 1, step 3; …train.learning_rate"
    check_errors(result.err, message, log=LOG)


def test_a_full_disk_stops_training_and_resume_goes_on_from_the_last_state(cli: Cli, run: Path) -> None:
    shutil.copytree("run", "undisturbed")
    state = Path(STATE).read_bytes()
    with disk_full_after(len(state) * 3 // 4):  # room for the weights alone; the length varies by some digits
        result = cli(*RESUME.split())
    assert (result.code, result.out) == (1, "")
    check_errors(result.err, f"{STATE}: cannot be written: File too large", log=(*LOG, "warning: "))
    assert {path: path.read_bytes() for path in Path("run/resume").iterdir()} == {Path(STATE): state}
    assert TextClassifier.load("run").predict(["soup"])
    assert cli(*RESUME.split()).code == 0
    assert cli(*RESUME.replace("dir run", "dir undisturbed").split()).code == 0
    resumed, expected = load_file(STATE), load_file(STATE.replace("run", "undisturbed"))
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)


def test_a_full_disk_leaves_no_part_of_a_prediction(cli: Cli, run: Path) -> None:
    put({"many.txt": "a late goal for the team\n" * 2000, "out.tsv": "before"})
    before = snapshot()
    with disk_full_after(9000):
        result = cli("predict", "run", "many.txt", "--output", "out.tsv")
    assert result.code == 1
    check_errors(result.err, "out.tsv: cannot be written: File too large")
    assert snapshot() == before


@pytest.mark.parametrize(
    "arguments",
    ["vocab --data train.tsv", "predict run test.tsv", "predict run", "eval run --json", "--version", "train --help"],
)
def test_a_stdout_that_takes_nothing_is_one_message(arguments: str, run: Path) -> None:
    with open("/dev/full", "w") as full:
        process = Forked(*arguments.split(), stdout=full.fileno())
        error = process.communicate(b"a text\n")[1].decode()
    assert process.returncode == 1
    check_errors(error, "stdout: No space left on device", log=("written to ", "device: "))
