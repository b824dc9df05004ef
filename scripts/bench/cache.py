"""What it costs to check a cached corpus: its checksums against the rest of opening it."""

from __future__ import annotations

import shutil
from statistics import median

from scripts.bench.corpora import reviews, unpack, work_folder
from scripts.bench.report import number, percent, table
from scripts.bench.timing import interleaved, stopwatch
from textrnn.data.source import Source
from textrnn.data.store import FILES, checksum_of, load_corpus
from textrnn.data.tokenizer import Tokenizer

REPEATS = 9


def measure_cache() -> list[str]:
    folder = work_folder("cache")
    english = unpack(reviews().train, folder / "english.csv")
    source, tokenizer = Source([str(english)]), Tokenizer("word")

    def load() -> None:
        load_corpus(source, tokenizer, cache_dir=folder / "cached")

    shutil.rmtree(folder / "cached", ignore_errors=True)
    building = stopwatch(load)()
    (cached,) = [path for path in (folder / "cached").iterdir() if path.name != "digests"]
    size = sum((cached / name).stat().st_size for name in FILES) / 1e6

    def check() -> None:
        for name in FILES:
            checksum_of(cached / name)

    runs = interleaved({"load": stopwatch(load), "check": stopwatch(check)}, REPEATS)
    loading, checking = median(runs["load"]), median(runs["check"])
    header = ["corpus, MB", "made in, s", "opened in, ms", "of that checksums, ms", "MB/s", "share of making it"]
    row = [
        number(size), number(building), number(1000 * loading), number(1000 * checking), number(size / checking),
        percent(checking / building),
    ]  # fmt: skip
    return [table(f"A cached corpus (IMDB, words), medians of {REPEATS}", header, [row])]
