"""`textrnn explain`: which tokens of each text speak for or against its label."""

from __future__ import annotations

import difflib
import os
import sys
from collections import Counter
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from textrnn.classifier import TextClassifier
from textrnn.commands.output import check_output
from textrnn.commands.pipeline import answer_files
from textrnn.commands.prediction_input import InputOptions, inputs_of, longer_texts
from textrnn.errors import ConfigError, short
from textrnn.explaining.explanations import Explanation
from textrnn.explaining.integrated_gradients import MOST_STEPS, allowed_gap
from textrnn.explaining.report import Page, jsonl_line, record
from textrnn.reading.reader import Example
from textrnn.runtime.files import atomic_writer
from textrnn.runtime.progress import bar, log, show_bars

TEXTS_AT_ONCE, TEXTS_OF_A_PIPE = 128, 64  # more at a time are hardly faster, and the first lines come later


def explain(
    classifier: TextClassifier,
    files: list[str],
    *,
    options: InputOptions,
    label: str | None,
    output_format: str | None,
    html: Path | None,
    name: str,
) -> None:
    """Explain each text of each file, in order. output_format: of what goes to stdout, None for nothing. html: the page
    to write. name: of the model, for the page.

    Raises: UsageError for a page that is an input; ConfigError for a label that the model lacks; DataError `file:line`
    for a record without a readable text; TextRNNError if the page cannot be written.
    """
    if html is not None:
        check_output("--html", html, inputs_of(files))
    if label is not None and label not in classifier.labels:
        match = difflib.get_close_matches(label, classifier.labels, n=1, cutoff=0.5)
        known = ", ".join(classifier.labels[:12]) + ", ..." * (len(classifier.labels) > 12)
        hint = f"did you mean {match[0]}?" if match else f"known are: {known}"
        raise ConfigError(f"--label: the model has no label {short(label)}; {hint}")
    page, counts = Page(name), Counter[str]()
    on_terminal = output_format is not None and sys.stdout.isatty()
    lines_of = jsonl_line
    if output_format == "text":
        lines_of = partial(record, coloured=on_terminal and terminal_has_colours())
    with (
        nullcontext() if html is None else atomic_writer(html) as stream,
        show_bars(False) if on_terminal else nullcontext(),
        bar("explaining", unit="text") as shown,
    ):

        def write(examples: list[Example], explanations: list[Explanation]) -> None:
            for explanation in explanations:
                if output_format is not None:
                    sys.stdout.buffer.write(lines_of(explanation).encode("utf-8", "surrogatepass"))
                if html is not None:
                    page.add(explanation)
                difference = explanation.log_odds - explanation.baseline
                counts.update(texts=1, cut=explanation.cut, off=abs(explanation.gap) > allowed_gap(difference))
            sys.stdout.flush()

        compute = partial(classifier.explain, label=label, after_batch=shown.update)
        answer_files(
            files, classifier, options, compute, write, size=TEXTS_AT_ONCE, live_size=TEXTS_OF_A_PIPE, target="stdout"
        )
        if stream is not None:
            stream.write(page.html().encode("utf-8", "replace"))
    if html is not None:
        log.info("written to %s", html)
        if page.left_out:
            log.warning("%s: shows the first %s texts; --output-format jsonl has all", html, f"{len(page.texts):,}")
    if not counts["texts"]:
        log.warning("no texts were found")
    if cut := counts["cut"]:
        has_linear = classifier.model.linear is not None and classifier.model.decision.needs_linear
        log.warning(
            "%s: %s", longer_texts(cut, classifier.transform.max_length, "network"),
            "only the linear model reads the rest" if has_linear else "the rest is not explained",
        )  # fmt: skip
    if off := counts["off"]:
        log.warning(
            "%d explanation%s not add up within 0.02, even with %d steps: the model is very steep there",
            off, "s do" if off > 1 else " does", MOST_STEPS,
        )  # fmt: skip


def terminal_has_colours() -> bool:
    """Whether the user, who may set NO_COLOR (no-color.org), and the kind of terminal want colours."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in (None, "", "dumb")
