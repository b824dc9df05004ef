"""`predict` from file to file, tokenizing included, and what the forward passes alone take of it."""

from __future__ import annotations

import sys
from functools import partial
from statistics import median

from scripts.bench.corpora import Corpus, titles, work_folder, write_texts
from scripts.bench.programs import Ours, Program, fasttext, linear_svc
from scripts.bench.rivals.corpus import read_labelled
from scripts.bench.tables import Findings, Table, megabytes, number, percent
from scripts.bench.timing import Run, interleaved, median_run, run_program
from scripts.bench.training import available

TITLE = "Predicting"
ABOUT = """\
A file of THUCNews titles to a file of labels: the char BiGRU 128 of `configs/thucnews.yaml` (with probabilities),
TF-IDF with a linear SVC, fastText. One title shows what starting the program takes. The forward passes alone are those
of the same model over the same batches of the largest file, made beforehand."""
REPEATS = 3
TITLES, COPIES = 50_000, 10  # the largest file holds the titles so many times
OURS = "textrnn predict"


def measure() -> Findings:
    corpus, folder = titles(), work_folder("prediction")
    ours = Ours("thucnews", {"train.epochs": 1})  # speed does not depend on how well it is trained
    rivals, skipped = available(
        {
            "fastText": partial(fasttext, "char"),
            "TF-IDF + LinearSVC": partial(linear_svc, "char"),
        }
    )
    programs: dict[str, Program] = {OURS: ours, **rivals}
    texts = many_titles(corpus)
    sizes = {1: texts[:1], len(texts): texts, len(texts) * COPIES: texts * COPIES}
    files = {size: write_texts(folder / f"{size}.txt", of_size) for size, of_size in sizes.items()}
    jobs = {}
    for name, program in programs.items():
        program.train(corpus, work_folder("prediction", name))
        for size, file in files.items():
            jobs[name, size] = partial(program.predict, work_folder("prediction", name), file, folder / "out.txt")
    forward = [
        sys.executable,
        "-m",
        "scripts.bench.forward_passes",
        work_folder("prediction", OURS) / "run",
        files[max(files)],
    ]
    runs = interleaved({**jobs, "forward": partial(run_program, forward)}, REPEATS)
    passes = median(float(run.out) for run in runs.pop("forward"))
    table = predicting({key: median_run(found) for key, found in runs.items()}, list(files), passes)
    return Findings([table], skipped)


def many_titles(corpus: Corpus) -> list[str]:
    """TITLES titles: those of test, dev and train, in this order."""
    files = [corpus.test, corpus.dev, corpus.train]
    return [text for path in files if path for text in read_labelled(path).texts][:TITLES]


def predicting(runs: dict[tuple[str, int], Run], sizes: list[int], passes: float) -> Table:
    """runs: by program and number of titles; passes: seconds of the forward passes alone over the most titles."""
    one, some, many = sizes
    table = Table(
        f"From file to file, medians of {REPEATS} runs",
        [
            "program", "one title, s", f"{some:,} titles, s", "titles/s of them", f"{many:,} titles, s",
            "titles/s of these", "titles/s without the start", "memory, MB",
        ],
    )  # fmt: skip
    for name in dict.fromkeys(name for name, _ in runs):
        start, short, long = (runs[name, size].seconds for size in sizes)
        table.add(
            name, number(start), number(short), number(some / short), number(long), number(many / long),
            number((many - one) / (long - start)), megabytes(runs[name, many].peak_bytes),
        )  # fmt: skip
    table.add("its forward passes alone", "", "", "", number(passes), number(many / passes), "", "")
    table.note = (
        f"The forward passes take {percent(passes / runs[OURS, many].seconds)} of `{OURS}`, its start included."
    )
    return table
