"""Whole training, from the raw file to the saved model, of our program and its rivals on one corpus."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial

from scripts.bench.corpora import Corpus, Missing, accuracy, names_of, true_labels, work_folder, write_texts
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
    """Seconds and memory of training and of predicting the test file, and the accuracy on it, the first program's time
    as 1. once: programs that train for minutes."""
    folders = {
        name: work_folder(f"{corpus.train.parent.name}/{re.sub(r'[^a-zA-Z0-9]+', '-', name)}") for name in programs
    }
    test = write_texts(work_folder(corpus.train.parent.name) / "test.txt", read_labelled(corpus.test).texts)
    outputs = {name: folder / "predicted.txt" for name, folder in folders.items()}
    trained = interleaved(
        {name: partial(program.train, corpus, folders[name]) for name, program in programs.items()}, REPEATS, once=once
    )
    predicted = interleaved(
        {name: partial(program.predict, folders[name], test, outputs[name]) for name, program in programs.items()}, 1
    )
    first = median_run(next(iter(trained.values()))).seconds
    table = Table(
        title,
        ["program", "training, s", "in ours", "runs", "memory, MB", "test accuracy", "predicting the test file, s"],
    )
    for name, program in programs.items():
        run = median_run(trained[name])
        names = names_of(corpus) if isinstance(program, Ours) else {}
        labels = [line.split("\t")[0] for line in read_texts(outputs[name])]
        right = accuracy(labels, [names.get(label, label) for label in true_labels(corpus)])
        seconds = median_run(predicted[name]).seconds
        table.add(
            name, number(run.seconds), times(run.seconds / first), str(len(trained[name])), megabytes(run.peak_bytes),
            percent(right), number(seconds),
        )  # fmt: skip
    return table
