"""Whole training, from the raw file to the saved model, of our program and its rivals on one corpus."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from scripts.bench.corpora import Corpus, Missing, accuracy, true_labels, work_folder, write_texts
from scripts.bench.programs import Ours, Program
from scripts.bench.rivals.corpus import read_labelled, read_texts
from scripts.bench.tables import Table, megabytes, number, percent, times
from scripts.bench.timing import interleaved, median_run

REPEATS = 3


def available(wanted: Mapping[str, Callable[[], Program]]) -> tuple[dict[str, Program], list[str]]:
    """The programs that can be run here, and a line for each that cannot."""
    found: dict[str, Program] = {}
    skipped = []
    for name, make in wanted.items():
        try:
            found[name] = make()
        except Missing as reason:
            skipped.append(f"{name}: {reason}")
    return found, skipped


def compare(title: str, corpus: Corpus, programs: Mapping[str, Program], once: Collection[str]) -> Table:
    """Seconds and memory of training, the first program's as 1, the accuracy on the test file, and the seconds of
    predicting it. once: programs that train for minutes."""
    name_of_corpus = corpus.train.parent.name
    folders = {name: work_folder(name_of_corpus, name) for name in programs}
    test = write_texts(work_folder(name_of_corpus) / "test.txt", read_labelled(corpus.test).texts)
    training = {name: partial(program.train, corpus, folders[name]) for name, program in programs.items()}
    trained = {name: median_run(runs) for name, runs in interleaved(training, REPEATS, once=once).items()}
    first = next(iter(trained.values())).seconds
    table = Table(
        title,
        ["program", "training, s", "textrnn = 1", "runs", "memory, MB", "test accuracy", "predicting the test file, s"],
    )
    for name, program in programs.items():
        output = folders[name] / "predicted.txt"
        predicted = program.predict(folders[name], test, output)
        right = accuracy(predicted_labels(output), true_labels(corpus, named=isinstance(program, Ours)))
        run = trained[name]
        table.add(
            name, number(run.seconds), times(run.seconds / first), str(1 if name in once else REPEATS),
            megabytes(run.peak_bytes), percent(right), number(predicted.seconds),
        )  # fmt: skip
    return table


def predicted_labels(output: Path) -> list[str]:
    """The first column, which is all that the rivals write."""
    return [line.split("\t")[0] for line in read_texts(output)]
