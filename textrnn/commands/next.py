"""`textrnn next`: the texts of a pool that are the most useful to label next, the most useful first."""

from __future__ import annotations

import heapq
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.active.selection import most_useful, uncertainty
from textrnn.classifier import TextClassifier
from textrnn.commands.output import check_output
from textrnn.commands.pipeline import answer_files
from textrnn.commands.predict import WINDOW_TEXTS, csv_line
from textrnn.commands.prediction_input import STDIN, InputOptions, inputs_of
from textrnn.corpus.writer import text_hash
from textrnn.errors import DataError
from textrnn.inference import DEFAULT_BATCH_SIZE, class_probabilities
from textrnn.linear.model import Folding
from textrnn.reading.reader import Example
from textrnn.run.folder import RunFolder, model_folder
from textrnn.run.held_out import seen_texts
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.progress import bar, log, timed
from textrnn.runtime.terminal import count_of, json_text, one_line, visible

MOST_TEXTS, MOST_CHARACTERS = 20_000, 5_000_000  # of the candidates, to bound memory and time


@dataclass
class Candidates:
    """The texts of a pool of which the model is least certain, within both limits; equal texts count once.

    count: the number of texts added. left_out: how many of them may not be chosen, by the reason."""

    count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    waiting: list[tuple[float, int, int, Example]] = field(default_factory=list)  # a heap: the most certain first
    hashes: set[int] = field(default_factory=set)
    characters: int = 0
    dropped: int = 0

    def add(self, examples: list[Example], uncertainties: np.ndarray, is_empty: np.ndarray, run: RunFolder) -> None:
        """Add texts with their uncertainties (n,). is_empty (n,): the texts without a token. run: of the model, whose
        training texts are left out if it has a record of them."""
        hashes = np.asarray([int.from_bytes(text_hash(example.text), "little") for example in examples], np.uint64)
        seen = seen_texts(run, hashes)
        is_seen = np.zeros(len(hashes), bool) if seen is None else seen
        rows = zip(examples, uncertainties.tolist(), is_empty, is_seen, hashes.tolist(), strict=True)
        for example, uncertain, empty, trained, digest in rows:
            self.count += 1
            if empty or trained or digest in self.hashes:
                reason = "without a token" if empty else "equal to a training text" if trained else "equal to another"
                self.left_out[reason] += 1
                continue
            heapq.heappush(self.waiting, (uncertain, -self.count, digest, example))
            self.hashes.add(digest)
            self.characters += len(example.text)
            while len(self.waiting) > MOST_TEXTS or (self.characters > MOST_CHARACTERS and len(self.waiting) > 1):
                *_, certain, dropped = heapq.heappop(self.waiting)
                self.hashes.remove(certain)
                self.characters -= len(dropped.text)
                self.dropped += 1


def choose_next(
    classifier: TextClassifier, run: Path, files: list[str], output: Path | None, *, options: InputOptions,
    output_format: str, count: int,
) -> None:  # fmt: skip
    """Write the `count` most useful texts of the files.

    Raises: UsageError for an output that is an input; DataError `file:line` for a record without a readable text, and
    if no text can be chosen; TextRNNError if the output cannot be written.
    """
    if output is not None:
        check_output("--output", output, inputs_of(files))
    candidates, folder = Candidates(), _run_of(run)
    if not folder.train_hashes.exists():
        log.warning(
            "%s: no such file: texts that the model was trained on may be among those chosen", folder.train_hashes
        )

    def compute(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        answer = classifier.answer(texts)
        return uncertainty(class_probabilities(answer.logits)), np.asarray(answer.encoded.is_empty)

    with bar("reading and predicting", unit="text") as shown:

        def add(examples: list[Example], answers: tuple[np.ndarray, np.ndarray]) -> None:
            candidates.add(examples, *answers, folder)
            shown.update(len(examples))

        answer_files(
            files, classifier, options, compute, add, size=WINDOW_TEXTS, live_size=DEFAULT_BATCH_SIZE,
            target="stdout" if output is None else str(output),
        )  # fmt: skip
    waiting = sorted(candidates.waiting, key=lambda item: (-item[0], -item[1]))
    names = ", ".join("stdin" if file == STDIN else file for file in files)
    left_out = ", ".join(f"{number:,} {reason}" for reason, number in candidates.left_out.most_common())
    if not waiting:
        raise DataError(f"{names}: no text is left to label" + f": {left_out}" * bool(left_out))
    tokenizer = classifier.config.tokenizer
    folding = Folding(tokenizer.lowercase, tokenizer.normalize)
    with timed("choosing the texts"):
        folded = [folding(example.text) for *_, example in waiting]
        rows = most_useful(folded, np.asarray([item[0] for item in waiting]), count)
    text = _formatted([waiting[row][-1] for row in rows], output_format, output is None and sys.stdout.isatty())
    with nullcontext(sys.stdout.buffer) if output is None else atomic_writer(output) as stream:
        stream.write(text.encode("utf-8", "replace"))
        stream.flush()
    if candidates.dropped:
        log.info("chosen from the %s texts of which the model is least certain", f"{len(waiting):,}")
    log.info("%s of %s" + ("; left out: %s" if left_out else "%s"), count_of(len(rows), "text"),
             f"{candidates.count:,}", left_out)  # fmt: skip
    if len(rows) < count:
        copies = len(waiting) - len(rows)
        log.warning("-n %d: there are no more texts%s", count, f"; {copies:,} near copies are left out" * (copies > 0))


def _run_of(run: Path) -> RunFolder:
    """The run of RUN or RUN/model; the folder itself for a model elsewhere."""
    model = model_folder(run)
    return RunFolder(model.parent if model.name == "model" else model)


def _formatted(examples: list[Example], output_format: str, on_terminal: bool) -> str:
    """Labelled texts whose labels are still empty; with other fields of the input if they were kept. on_terminal:
    control characters are shown as escapes, since a terminal would obey them."""
    if output_format == "tsv":
        lines = (one_line(example.text) for example in examples)
        return "".join(f"\t{visible(line) if on_terminal else line}\n" for line in lines)
    rows: list[dict[str, Any]] = [{"label": "", "text": example.text} | (example.row or {}) for example in examples]
    if output_format == "jsonl":
        return "".join(map(json_text, rows))
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([row.get(name, "") for name in names] for row in rows)]
    return "".join(csv_line(["" if cell is None else cell for cell in line], on_terminal=on_terminal) for line in cells)
