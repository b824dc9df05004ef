"""`textrnn check`: finds faults of labelled texts before a model is trained on them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from textrnn.checking import leaks
from textrnn.checking.characters import OddCharacters
from textrnn.checking.cleaning import clean_file, file_to_clean
from textrnn.checking.copies import find_copies
from textrnn.checking.faults import find_disproportions
from textrnn.checking.findings import Finding, Report, Shown
from textrnn.checking.suspects import FOLDS, Suspects, find_suspects, is_csv, suspects_finding, write_suspects
from textrnn.commands.data import Data, data_findings, input_files, read_data, warn_of_dead_keys
from textrnn.commands.output import check_output, check_writable
from textrnn.config import Config
from textrnn.corpus.build import build_sources
from textrnn.corpus.resample import Sample
from textrnn.corpus.splits import Splits
from textrnn.corpus.statistics import describe_splits, target_lines
from textrnn.errors import BadRowError, DataError, UsageError, command
from textrnn.linear.model import Folding
from textrnn.reading.reader import Example
from textrnn.reading.source import Source
from textrnn.runtime.progress import bar

MOST_ROWS, MOST_CHARACTERS = 100_000, 60_000_000  # of each split: more are not held in memory and compared
_LONG_FOLDER = 15  # characters that examples need not repeat
Samples = dict[str, list[Example]]  # texts of each split that has files of its own, train first


def check(
    config: Config, output: Path | None, config_file: Path | None, *, keep: bool = False, clean: Path | None = None
) -> Report:
    """Read the data as `train` does, and look for faults, bad rows among them unless a clean file is to be written.

    output: a file for the suspects of wrong labels. config_file: the config's own file. keep: whether the suspects have
    the other columns of the input. clean: a file for the training rows without faults.

    Raises: TextRNNError as `train` does if it cannot begin, and if a file cannot be written; UsageError for an output
    that is an input.
    """
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
    data = read_data(config, sources) if clean is not None else _read(config, sources)
    sources, splits = data.sources, data.splits
    found_while_reading, odd_characters, samples = _read_again(config, data)
    seed, folding = config.train.seed, Folding(config.tokenizer.lowercase, config.tokenizer.normalize)
    with bar("comparing", total=2 + FOLDS, unit="step") as shown:
        copies, equal = find_copies(samples, {name: len(hashes) for name, hashes in splits.hashes.items()})
        shown.update()
        leak_findings = leaks.find_leaks(samples["train"], folding, seed)
        shown.update()
        suspects = find_suspects(samples, splits.labels, folding, seed, shown.update)
    if output is not None:
        write_suspects(output, suspects.ranked, sources, keep=keep)
    findings = [
        *(_completed(fault, config, equal) for fault in found_while_reading),
        *find_disproportions(splits, config.train.folds),
        *odd_characters,
        *copies,
        *leak_findings,
        *([suspects_finding(suspects, output)] if suspects.wrong else ()),
    ]
    described = describe_splits(splits, config.data.max_length)
    notes = [*target_lines(described), *_notes(splits, samples, suspects, output)]
    if clean is not None:
        notes += _clean(sources["train"], clean, splits)
    elif any(finding.about in ("copies", "empty") for finding in findings):
        notes.append("--clean FILE writes train without empty texts, exact copies and texts of test")
    counts = {"count": suspects.wrong, "examined": suspects.examined, "listed": len(suspects.ranked)}
    return Report(described, findings, notes, counts | {"reason": suspects.reason}, _common_folder(sources))


def _read(config: Config, sources: dict[str, Source]) -> Data:
    """All splits, without bad rows. Raises DataError as `train` does if there is no other row."""
    try:
        return read_data(config, sources)
    except BadRowError as error:
        with contextlib.suppress(DataError):
            return read_data(config, {name: replace(source, skip_bad_rows=True) for name, source in sources.items()})
        raise error


def _completed(fault: Finding, config: Config, equal: Mapping[str, Sequence[Shown]]) -> Finding:
    """A fault as `train` reports it, with more for `check`. equal: split -> examples of its texts that are in train."""
    if fault.about == "rows" and config.data.bad_rows == "error":
        remedy = "correct them, or leave them out with --set data.bad_rows=skip: `train` stops at the first one"
        return replace(fault, severe=True, remedy=remedy)
    if fault.about == "copies":
        return replace(fault, examples=equal.get(fault.split, fault.examples))
    return fault


def _clean(train: Source, output: Path, splits: Splits) -> list[str]:
    """Write the training file without faults. Returns notes about what was taken out."""
    cleaned = clean_file(train, output, {digest.tobytes() for digest in splits.hashes.get("test", ())})
    total = cleaned.taken_out.total()
    counts = ", ".join(f"{count:,} {reason}" for reason, count in cleaned.taken_out.items()) or "none"
    notes = [f"{output}: {cleaned.rows - total:,} of {cleaned.rows:,} training rows; taken out: {counts}"]
    if cleaned.listed:
        notes.append(f"taken out: {_listed(cleaned.listed, total)}")
    if cleaned.contradictory:
        notes.append(
            f"{cleaned.contradictory:,} copies with different labels are all kept: "
            f"{_listed(cleaned.contradictory_listed, cleaned.contradictory)}"
        )
    return notes


def _listed(shown: Sequence[str], count: int) -> str:
    return ", ".join(shown) + f" and {count - len(shown):,} more" * (count > len(shown))


def _read_again(config: Config, data: Data) -> tuple[list[Finding], list[Finding], Samples]:
    """Findings about the corpora, odd characters, and samples of the texts, from one pass over the files."""
    odd = OddCharacters()
    samples = {name: Sample(MOST_ROWS, MOST_CHARACTERS, config.train.seed) for name in data.corpora}
    with bar("reading", total=sum(map(len, data.corpora.values()))) as shown:

        def visit(name: str, row: int, example: Example) -> None:
            odd.add(name, row, example)
            samples[name].add(example)
            shown.update()

        visits = {name: [(len(corpus), partial(visit, name))] for name, corpus in data.corpora.items()}
        findings = data_findings(config, data, visits)
    return findings, list(odd.findings()), {name: sample.examples for name, sample in samples.items()}


def _common_folder(sources: Mapping[str, Source]) -> str:
    """The folder, with a separator at its end, that holds all files; empty if there is none or its name is short."""
    paths = [path for source in sources.values() for path, _ in source.files()]
    if len({os.path.isabs(path) for path in paths}) > 1:
        return ""
    folder = os.path.join(os.path.commonpath([os.path.dirname(path) for path in paths]), "")
    return folder if len(folder) > _LONG_FOLDER else ""


def _notes(
    splits: Splits, samples: Mapping[str, Sequence[Example]], suspects: Suspects, output: Path | None
) -> list[str]:
    notes = []
    totals = {name: len(hashes) for name, hashes in splits.hashes.items()}
    for name, examples in samples.items():
        if len(examples) < totals[name]:
            notes.append(
                f"{len(examples):,} of {totals[name]:,} {name} texts, drawn at random by train.seed, were compared for "
                f"nearly equal texts"
            )
    if len(samples["train"]) > leaks.ROWS:
        notes.append(f"leaks were searched for in at most {leaks.ROWS:,} train texts, drawn by train.seed")
    total = sum(totals.values())
    if suspects.reason is not None:
        notes.append(f"wrong labels were not searched for: {suspects.reason}")
    elif suspects.examined < total:
        notes.append(f"wrong labels were searched for in {suspects.examined:,} of {total:,} texts, drawn by train.seed")
    if output is not None and not suspects.ranked:
        notes.append(f"{output}: no text for which another label is likelier than its own")
    elif output is not None:
        columns = "" if is_csv(output) else " --text-column text --label-column label"
        notes.append(
            f"{output}: {len(suspects.ranked):,} texts for which another label is likelier than their own; as input: "
            f"{command('train', '--data', output)}{columns}"
        )
    return notes
