"""`textrnn check`: what is wrong with labelled texts, before anything is trained on them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textrnn.checking.characters import OddCharacters
from textrnn.checking.cleaning import clean as clean_file
from textrnn.checking.cleaning import file_to_clean
from textrnn.checking.copies import find_copies
from textrnn.checking.findings import Finding
from textrnn.checking.leaks import ROWS as LEAK_ROWS
from textrnn.checking.leaks import find_leaks
from textrnn.checking.proportions import classes_of, find_disproportions
from textrnn.checking.report import SplitFigures, check_text
from textrnn.checking.suspects import FOLDS, Suspects, describe, find_suspects, is_csv, write_suspects
from textrnn.commands.data import Data, data_findings, input_files, read_data, warn_of_dead_keys
from textrnn.commands.output import check_output, check_writable
from textrnn.config import Config
from textrnn.corpus.build import build_sources
from textrnn.corpus.resample import Sample, Visit
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import known_share, length_quantiles, training_sizes
from textrnn.errors import UsageError, command
from textrnn.linear.model import Folding
from textrnn.reading.reader import Example
from textrnn.reading.source import Source
from textrnn.runtime.progress import bar
from textrnn.texts.rows import all_rows, in_blocks

MOST_ROWS, MOST_CHARACTERS = 100_000, 60_000_000  # of each split: more are not held in memory and compared
_LONG_FOLDER = 15  # characters that examples need not repeat
Samples = dict[str, list[Example]]  # texts of each split that has files of its own, train first


class Checked(NamedTuple):
    """report: to print. severe: how many findings are."""

    report: str
    severe: int


def check(
    config: Config, output: Path | None, config_file: Path | None, *, keep: bool = False, clean: Path | None = None
) -> Checked:
    """Read the data as `train` does, and look for faults. output: a file for the suspects of wrong labels. config_file:
    the one that the config was read from. keep: whether the suspects have the other columns of the input. clean: a file
    for the training rows without faults. Raises TextRNNError as `train` does if it cannot begin, and if a file cannot
    be written; UsageError for an output that is an input."""
    warn_of_dead_keys(config)
    sources = build_sources(config)
    for option, file in (("--output", output), ("--clean", clean)):
        if file is not None:
            check_output(option, file, input_files(config, sources, config_file))
            check_writable(file)
    if clean is not None:
        if output is not None and os.path.realpath(output) == os.path.realpath(clean):
            raise UsageError(f"--clean {clean}: the file of --output; name another")
        file_to_clean(sources["train"])
    data, odd = read_data(config, sources), OddCharacters()
    splits = data.splits
    of_corpora, samples = _read_again(config, data, odd)
    seed, folding = config.train.seed, Folding(config.tokenizer.lowercase, config.tokenizer.normalize)
    with bar("comparing", total=2 + FOLDS, unit="step") as shown:
        copies = find_copies(samples, {name: len(hashes) for name, hashes in splits.hashes.items()})
        shown.update()
        leaks = find_leaks(samples["train"], folding, seed)
        shown.update()
        suspects = find_suspects(samples, splits.labels, folding, seed, shown.update)
    if output is not None:
        write_suspects(output, suspects.found, sources, keep=keep)
    findings = [
        *(replace(each, examples=copies.equal.get(each.split, each.examples)) for each in of_corpora),
        *find_disproportions(splits, config.train.folds, list(samples)),
        *odd.findings(),
        *copies.findings,
        *leaks,
        *describe(suspects, output),
    ]
    folder, notes = _common_folder(sources), _notes(splits, samples, suspects, output)
    if clean is not None:
        notes += _clean(sources["train"], clean, splits)
    elif any(finding.about in ("copies", "empty") for finding in findings):
        notes.append("--clean FILE writes train without empty texts, exact copies and texts of test")
    if folder:
        notes.insert(0, f"all files are below {folder}")
    sizes = {name: classes_of(splits, name) for name in _parts(splits) if name != "train"}
    report = check_text(
        [_figures(splits, name, config.data.max_length) for name in _parts(splits)],
        splits.labels, {"train": training_sizes(splits), **sizes}, _without(folder, findings), notes,
    )  # fmt: skip
    return Checked(report, sum(finding.severe for finding in findings))


def _clean(train: Source, output: Path, splits: Splits) -> list[str]:
    """Write the training file without faults; what was taken out."""
    test = {digest.tobytes() for digest in splits.hashes["test"]} if "test" in splits.hashes else set()
    cleaned = clean_file(train, output, test)
    counts = ", ".join(f"{count:,} {reason}" for reason, count in cleaned.taken_out.items()) or "none"
    notes = [f"{output}: {cleaned.kept:,} of {cleaned.rows:,} training rows; taken out: {counts}"]
    if cleaned.listed:
        notes.append(f"taken out: {_listed(cleaned.listed, cleaned.taken_out.total())}")
    if cleaned.contradictory:
        notes.append(
            f"{cleaned.contradictory:,} copies with different labels are all kept: "
            f"{_listed(cleaned.contradictory_listed, cleaned.contradictory)}"
        )
    return notes


def _listed(shown: Sequence[str], count: int) -> str:
    return ", ".join(shown) + f" and {count - len(shown):,} more" * (count > len(shown))


def _read_again(config: Config, data: Data, odd: OddCharacters) -> tuple[list[Finding], Samples]:
    """What the corpora show, and samples of the texts: both, and the odd characters, from one pass over the files."""
    totals = {name: len(corpus) for name, corpus in data.corpora.items()}
    samples = {name: Sample(MOST_ROWS, MOST_CHARACTERS, config.train.seed) for name in totals}
    with bar("reading", total=sum(totals.values())) as shown:

        def visits(name: str) -> list[Visit]:
            calls = (odd.visitor(name), lambda _, example: samples[name].add(example), lambda *_: shown.update())
            return [(totals[name], call) for call in calls]

        findings = data_findings(config, data, {name: visits(name) for name in totals})
    return findings, {name: sample.examples for name, sample in samples.items()}


def _common_folder(sources: Mapping[str, Source]) -> str:
    """The folder, with a separator at its end, that holds all files and would only take space; else nothing."""
    paths = [path for source in sources.values() for path, _ in source.files()]
    if len({os.path.isabs(path) for path in paths}) > 1:
        return ""
    folder = os.path.join(os.path.commonpath([os.path.dirname(path) for path in paths]), "")
    return folder if len(folder) > _LONG_FOLDER else ""


def _without(folder: str, findings: Sequence[Finding]) -> list[Finding]:
    if not folder:
        return list(findings)
    return [
        replace(each, text=each.text.replace(folder, ""), examples=[line.replace(folder, "") for line in each.examples])
        for each in findings
    ]


def _parts(splits: Splits) -> list[str]:
    return [name for name in ("train", "dev", "test") if getattr(splits, name) is not None]


def _figures(splits: Splits, name: str, max_length: int) -> SplitFigures:
    texts = {"train": splits.train, "dev": splits.dev, "test": splits.test}[name]
    assert texts is not None
    lengths = splits.lengths["train" if name == "dev" and splits.dev_is_part_of_train else name]
    own = splits.train_rows if name == "train" else splits.dev_rows if name == "dev" else None
    rows = all_rows(len(lengths)) if own is None else own
    median, p95, longest = length_quantiles(lengths, rows, 50, 95, 100)
    empty, cut = (
        sum(int(np.count_nonzero(wrong(block))) for block in in_blocks(lengths, rows))
        for wrong in (lambda block: block == 0, lambda block: block > max_length)
    )
    return SplitFigures(name, len(rows), empty, (median, p95, longest), cut / max(len(rows), 1), 1 - known_share(texts))


def _notes(
    splits: Splits, samples: Mapping[str, Sequence[Example]], suspects: Suspects, output: Path | None
) -> list[str]:
    notes = []
    for name, examples in samples.items():
        if len(examples) < len(splits.hashes[name]):
            notes.append(
                f"{len(examples):,} of {len(splits.hashes[name]):,} {name} texts, drawn at random by train.seed, were "
                f"compared for nearly equal texts"
            )
    if len(samples["train"]) > LEAK_ROWS:
        notes.append(f"leaks were looked for in {LEAK_ROWS:,} train texts at most, drawn by train.seed")
    total = sum(len(hashes) for hashes in splits.hashes.values())
    if suspects.reason is not None:
        notes.append(f"wrong labels were not looked for: {suspects.reason}")
    elif suspects.looked_at < total:
        notes.append(f"wrong labels were looked for in {suspects.looked_at:,} of {total:,} texts, drawn by train.seed")
    if output is not None and not suspects.found:
        notes.append(f"{output}: no text for which another label is likelier than its own")
    elif output is not None:
        columns = "" if is_csv(output) else " --text-column text --label-column label"
        notes.append(
            f"{output}: {len(suspects.found):,} texts for which another label is likelier than their own; as input: "
            f"{command('train', '--data', output)}{columns}"
        )
    return notes
