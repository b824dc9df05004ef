"""The bench: its page, its measuring, and a small corpus through every program that is installed."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
import torch

from scripts.bench import __main__ as bench
from scripts.bench import corpora, training
from scripts.bench.corpora import ROOT, Corpus, Missing
from scripts.bench.encoder import CASES, MODULES, PRODUCTS, SIZE, Case, Padded, flops_per_token, gflops, step_of
from scripts.bench.prediction import forward_passes
from scripts.bench.programs import Program, ours, rival
from scripts.bench.report import number, percent, put, times
from scripts.bench.timing import Run, interleaved, median_run, run_program
from tests.conftest import PLAIN, make_rows, write_tsv
from textrnn.config import load_config


def test_every_part_is_a_function_and_has_its_place_on_the_page(tmp_path: Path) -> None:
    page = bench.PAGE.read_text(encoding="utf-8")
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    for name, module in bench.PARTS.items():
        assert callable(getattr(import_module(f"scripts.bench.{module}"), f"measure_{name}"))
        put(tmp_path / "page.md", name, [f"results of {name}"])
        assert f"`make bench ONLY={name}`:" in page
        assert f"-->\n\nresults of {name}\n\n<!--" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_without_corpora_a_part_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTRNN_DATASETS", raising=False)
    with pytest.raises(SystemExit, match="titles: TEXTRNN_DATASETS is not set"):
        bench.measure("titles")


def test_numbers_have_three_significant_digits() -> None:
    values = [0, 0.01234, 1.2345, 9.999, 12.345, 99.96, 123.45, 27_712, 1_234_567]
    assert [*map(number, values)] == ["0", "0.012", "1.23", "10.0", "12.3", "100", "123", "27,700", "1,230,000"]
    assert [times(0.954), times(12.3), percent(0.4567)] == ["0.95x", "12x", "45.7 %"]


def test_jobs_take_turns_and_medians_of_time_and_memory_are_apart() -> None:
    order: list[str] = []
    interleaved({name: partial(order.append, name) for name in "ABC"}, 3, once={"B"})
    assert "".join(order) == "ABCACAC"
    assert median_run([Run(3.0, 10, "a"), Run(1.0, 30, "b"), Run(9.0, 20, "c")]) == Run(3.0, 20, "c")


def test_the_memory_of_a_program_is_counted_and_its_failure_shown() -> None:
    size = run_program([sys.executable, "-c", "pass"]).peak_bytes + 100_000_000
    done = run_program([sys.executable, "-c", f"block = b'x' * {size}; print('done')"])
    assert done.out == "done\n" and size < done.peak_bytes
    with pytest.raises(RuntimeError, match="ended with 3:\nno luck"):
        run_program([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"])


def test_operations_are_counted_and_steps_of_all_modules_run() -> None:
    assert flops_per_token(Padded(CASES[1])) == 2 * 2 * (128 + 256) * 1024
    assert gflops([9.0, 2.0, 1.0]) == pytest.approx(PRODUCTS * 2 * SIZE**3 / 2.0 / 1e9)
    small = Case("gru", 4, 3, 2, True, texts=3, shortest=1, longest=5)
    for name in MODULES:
        assert MODULES[name](small)(torch.randn(5, 3, 4), small.lengths()).shape == (5, 3, 6)
        for what in ("training", "inference"):
            step_of(small, what, name)()


def test_keras_has_the_sizes_of_our_models() -> None:
    plain = [(key, None if value == "null" else value) for key, value in training.PLAIN_REVIEWS.items()]
    for name, changes, theirs in (("thucnews", [], training.TITLES_SIZES), ("imdb", plain, training.REVIEWS_SIZES)):
        config = load_config(ROOT / "configs" / f"{name}.yaml", changes)
        model, train = config.model, config.train
        sizes = {
            "embedding_dim": model.embedding_dim, "hidden_size": model.hidden_size, "dropout": model.dropout,
            "batch_size": train.batch_size, "learning_rate": train.learning_rate, "clip_norm": train.grad_clip_norm,
            "max_length": config.data.max_length, "epochs": train.epochs,
        }  # fmt: skip
        assert sizes.items() <= theirs.items() and model.embedding_dropout == model.dropout


@pytest.mark.slow
def test_programs_train_and_predict_from_file_to_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "WORK", tmp_path)
    files = [tmp_path / f"{name}.txt" for name in ("train", "test", "dev")]
    for seed, file in enumerate(files):
        write_tsv(file, [(text, label) for label, text in make_rows(60, seed=seed)])
    settings = dict(option.split("=") for option in (*PLAIN, "model.hidden_size=8", "train.epochs=1"))

    def missing() -> Program:
        raise Missing("it is not installed")

    linear = partial(rival, "linear_svc", "word")
    programs = {"ours": partial(ours, "thucnews", settings), "linear": linear, "another": missing}
    table, *rest = training.compare("Words", Corpus(*files), programs, once={"ours", "linear"})
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[4:]]
    assert [(row[0], row[3]) for row in rows] == [("ours", "1"), ("linear", "1")]
    assert rows[0][2] == "1.00x" and float(rows[1][5].removesuffix(" %")) > 80
    assert rest == ["Not measured: another: it is not installed."]
    (run,) = tmp_path.glob("*/ours/run")
    assert 0 < forward_passes(str(run), ["one text", "another"]) < 10


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="RssAnon is Linux's")
def test_memory_grows_with_the_documents_and_distinct_words_of_a_corpus_alone(tmp_path: Path) -> None:
    # the smaller corpus already fills every window
    script = [sys.executable, str(ROOT / "scripts" / "bench" / "memory.py")]
    sizes = ["--documents", "17000", "--words", "30", "--work", str(tmp_path)]
    done = subprocess.run([*script, *sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert len(rows) == 8 and all(10 < float(row[3]) < 1000 for row in rows)
