"""`textrnn vocab`: reading, tokenizing, counting and the encoded corpus, from file to file, on one core and on all."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from scripts.bench.corpora import reviews, shop_reviews, unpack, work_folder
from scripts.bench.programs import remove
from scripts.bench.tables import Findings, Table, megabytes, number, times
from scripts.bench.timing import Run, interleaved, median_run, run_program, textrnn

TITLE = "Tokenizing and vocabulary"
ABOUT = """\
`textrnn vocab` on a csv that lies unpacked on disk: reading, tokenizing, counting, and writing the vocabulary and the
encoded corpus; MB are those of the file. Chinese shop reviews for char, the same three times over for jieba, IMDB for
word and whitespace. "One core" is the whole program held to one core by the system. Starting it is included, jieba's
dictionary too, which each worker loads in about a second."""
REPEATS = 3
JIEBA_COPIES = 3  # as the dictionary would be an eighth of the time otherwise


def measure() -> Findings:
    folder = work_folder("tokenizing")
    chinese = unpack(shop_reviews(), folder / "chinese.csv")
    english = unpack(reviews().train, folder / "english.csv")
    files = {"char": chinese, "word": english, "whitespace": english, "jieba": repeated(chinese, JIEBA_COPIES)}
    jobs = {
        (kind, cores): partial(vocabulary, kind, file, cores) for kind, file in files.items() for cores in (1, None)
    }
    runs = {key: median_run(found) for key, found in interleaved(jobs, REPEATS).items()}
    table = Table(
        f"`textrnn vocab`, medians of {REPEATS} runs",
        ["tokenizer", "file, MB", "one core, MB/s", "all cores, MB/s", "all / one", "memory, MB"],
    )
    for kind, file in files.items():
        one, all_cores = runs[kind, 1], runs[kind, None]
        size = file.stat().st_size / 1e6
        table.add(
            kind, number(size), number(size / one.seconds), number(size / all_cores.seconds),
            times(one.seconds / all_cores.seconds), megabytes(all_cores.peak_bytes),
        )  # fmt: skip
    return Findings([table])


def repeated(csv: Path, copies: int) -> Path:
    header, rows = csv.read_bytes().split(b"\n", 1)
    target = csv.with_stem(f"{csv.stem}_{copies}_times")
    target.write_bytes(header + b"\n" + rows * copies)
    return target


def vocabulary(kind: str, file: Path, cores: int | None) -> Run:
    cache = work_folder("tokenizing") / "cache"
    remove(cache)
    settings = [f"tokenizer.kind={kind}", f"data.cache_dir={cache}", "vocab.max_size=30000"]
    if "label,text" not in file.open(encoding="utf-8").readline():
        settings += ["data.label_column=cat", "data.text_column=review"]
    return run_program(
        textrnn("vocab", "--data", file, *[word for setting in settings for word in ("--set", setting)]), cores=cores
    )
