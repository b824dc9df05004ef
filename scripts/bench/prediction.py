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
A file of 50,000 THUCNews titles to a file of labels: the char BiGRU 128 of `configs/thucnews.yaml` (with
probabilities), TF-IDF with a linear SVC, fastText. A second file with one title shows what starting the program takes;
the last column leaves that out. The forward passes alone are those of the same model over the same batches, made
beforehand."""
REPEATS = 3
TEXTS = 50_000
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
    files = {"all": write_texts(folder / "titles.txt", texts), "one": write_texts(folder / "one.txt", texts[:1])}
    jobs = {}
    for name, program in programs.items():
        program.train(corpus, work_folder("prediction", name))
        for which, file in files.items():
            jobs[name, which] = partial(program.predict, work_folder("prediction", name), file, folder / "out.txt")
    forward = [
        sys.executable,
        "-m",
        "scripts.bench.forward_passes",
        work_folder("prediction", OURS) / "run",
        files["all"],
    ]
    runs = interleaved({**jobs, "forward": partial(run_program, forward)}, REPEATS)
    passes = median(float(run.out) for run in runs.pop("forward"))
    table = predicting({key: median_run(found) for key, found in runs.items()}, len(texts), passes)
    return Findings([table], skipped)


def many_titles(corpus: Corpus) -> list[str]:
    """TEXTS titles: those of test, dev and train, in this order."""
    files = [corpus.test, corpus.dev, corpus.train]
    return [text for path in files if path for text in read_labelled(path).texts][:TEXTS]


def predicting(runs: dict[tuple[str, str], Run], count: int, passes: float) -> Table:
    """passes: seconds of the forward passes alone."""
    table = Table(
        f"{count:,} titles, medians of {REPEATS} runs",
        ["program", "seconds", "titles/s", "memory, MB", "one title, s", "titles/s without the start"],
    )
    for name in dict.fromkeys(name for name, _ in runs):
        whole, start = runs[name, "all"], runs[name, "one"].seconds
        table.add(
            name, number(whole.seconds), number(count / whole.seconds), megabytes(whole.peak_bytes), number(start),
            number((count - 1) / (whole.seconds - start)),
        )  # fmt: skip
    table.add("its forward passes alone", number(passes), number(count / passes), "", "", "")
    whole, start = runs[OURS, "all"].seconds, runs[OURS, "one"].seconds
    table.note = (
        f"The forward passes take {percent(passes / whole)} of the whole of `{OURS}`, "
        f"{percent(passes / (whole - start))} of it without the start."
    )
    return table
