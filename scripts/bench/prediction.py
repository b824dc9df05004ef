"""`predict` from file to file, tokenizing included, and the share of the forward passes."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from statistics import median

from scripts.bench.corpora import titles, work_folder, write_texts
from scripts.bench.programs import available, fasttext, ours, rival
from scripts.bench.report import megabytes, number, percent, table
from scripts.bench.rivals.corpus import read_labelled, read_texts
from scripts.bench.timing import interleaved, median_run, run_program, stopwatch

REPEATS = 3
TITLES, COPIES = 50_000, 10  # the largest file holds the titles so many times
OURS, AUTO = "textrnn predict", "textrnn predict --precision auto"
# speed does not depend on how well a model is trained
SETTINGS = {"train.epochs": 1, "model.ngrams": 2, "model.linear": "mix"}


def measure_prediction() -> list[str]:
    corpus, folder = titles(), work_folder("prediction")
    programs, missing = available({
        OURS: partial(ours, "thucnews", SETTINGS),
        AUTO: partial(ours, "thucnews", SETTINGS, ("--precision", "auto")),
        "fastText": partial(fasttext, "char"),
        "TF-IDF + LinearSVC": partial(rival, "linear_svc", "char"),
    })  # fmt: skip
    texts = [text for path in (corpus.test, corpus.dev, corpus.train) for text in read_labelled(path).texts][:TITLES]
    sizes = [1, len(texts), len(texts) * COPIES]
    files = [write_texts(folder / f"{size}.txt", (texts * COPIES)[:size]) for size in sizes]
    jobs = {}
    for name, program in programs.items():
        model = work_folder("prediction", name)
        program.run_training(corpus, model)
        for size, file in zip(sizes, files, strict=True):
            jobs[f"{name} {size}"] = partial(program.run_prediction, model, file, folder / "labels.txt")
    alone = [sys.executable, "-m", "scripts.bench.prediction", work_folder("prediction", OURS) / "run", files[-1]]
    runs = interleaved({**jobs, "forward passes": partial(run_program, alone)}, REPEATS)
    passes = median(float(run.out) for run in runs.pop("forward passes"))
    one, few, many = sizes
    rows = []
    for name in programs:
        start, short, long = (median_run(runs[f"{name} {size}"]) for size in sizes)
        rows.append([
            name, number(start.seconds), number(short.seconds), number(few / short.seconds), number(long.seconds),
            number(many / long.seconds), number((many - one) / (long.seconds - start.seconds)),
            megabytes(long.peak_bytes),
        ])  # fmt: skip
    rows.append(["its forward passes alone", "", "", "", number(passes), number(many / passes), "", ""])
    header = [
        "program", "one title, s", f"{few:,} titles, s", "titles/s of them", f"{many:,} titles, s",
        "titles/s of these", "titles/s without the start", "memory, MB",
    ]  # fmt: skip
    share = percent(passes / median_run(runs[f"{OURS} {many}"]).seconds)
    note = f"The forward passes take {share} of `{OURS}`, its start included."
    return [table(f"From file to file, medians of {REPEATS} runs", header, rows), note, *missing]


def forward_passes(run: str, texts: list[str]) -> float:
    """The seconds of the networks' logits alone, of texts already encoded, over the windows of `textrnn predict`."""
    from textrnn.runtime.process import tune_torch

    tune_torch()  # as the program does, before torch is loaded
    from textrnn.classifier import TextClassifier
    from textrnn.commands.predict import WINDOW_TEXTS

    classifier = TextClassifier.load(run)
    windows = [classifier.transform.encode(texts[at : at + WINDOW_TEXTS]) for at in range(0, len(texts), WINDOW_TEXTS)]

    classifier.network_logits(windows[0])  # the first calls are slower
    return stopwatch(lambda: [classifier.network_logits(window) for window in windows])()


if __name__ == "__main__":
    print(forward_passes(sys.argv[1], read_texts(Path(sys.argv[2]))))
