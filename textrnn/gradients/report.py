"""Norms of gradients -> the tables that `gradients` prints, no wider than a terminal of 80 columns, and its files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from textrnn.gradients.measure import Curve, Panel, steps_to_hundredth
from textrnn.reports.charts import font_family, new_figure, save_png, style
from textrnn.runtime.files import write_text
from textrnn.runtime.terminal import aligned

if TYPE_CHECKING:
    from matplotlib.figure import Figure


GRADIENTS = ("gradients.tsv", "gradients.png")
_LINES = ["-", "--", "-.", ":"]  # curves differ in these, too, for those who do not tell the colours apart
COLUMNS = 80
MEASURED = (
    "Norm of the gradient of a text's loss with respect to the input k steps before its last token: the median of the "
    "texts that are longer than k tokens."
)
HUNDREDTH = "The k from which on the gradient is less than a hundredth of that at k = 0"
NEVER = "(never: it stays above; so many times that at k = 0 is left at the last k)"
_LEFT, _GAP, _NUMBER = 12, 2, 7  # columns of k and texts, at most; between two columns; of a number such as 1.2e-03


class Training(NamedTuple):
    """A short training. clipping: in words. limit: of the norm, None where nothing is clipped. The rest as
    `gradients.train.Course`."""

    network: str
    clipping: str
    limit: float | None
    losses: list[float]
    norms: list[float]
    diverged_at: int | None


def gradients_text(about: Sequence[str], panels: Sequence[Panel], texts: np.ndarray, after: Sequence[str] = ()) -> str:
    """Paragraphs, a table for each panel, where each curve has fallen to a hundredth, and more lines. texts (K,): how
    many the values of each k rest on."""
    lines = []
    for each in about:
        lines += [textwrap.fill(each, COLUMNS, break_on_hyphens=False), ""]
    for panel in panels:
        for curves in _that_fit(panel.curves):
            lines += [panel.title, *_table(curves, texts), ""]
    fallen = _hundredths(panels)
    if any("never" in line for line in fallen):
        fallen.insert(0, NEVER)
    return "\n".join([*lines, HUNDREDTH, *fallen, *(["", *after] if after else []), ""])


def _that_fit(curves: dict[str, Curve]) -> Iterator[dict[str, Curve]]:
    """The curves in as many tables as their names need."""
    at_once = max(1, (COLUMNS - _LEFT) // (max(_NUMBER, *map(len, curves)) + _GAP))
    names = list(curves)
    for begin in range(0, len(names), at_once):
        yield {name: curves[name] for name in names[begin : begin + at_once]}


def _table(curves: dict[str, Curve], texts: np.ndarray) -> list[str]:
    rows = [("k", "texts", *curves)]
    for k in shown_steps(len(texts)):
        rows.append((str(k), str(texts[k]), *(_number(curve.median[k]) for curve in curves.values())))
    widths = [max(3, len(rows[-1][0])), 5, *(max(_NUMBER, len(name)) for name in curves)]
    return ["  ".join(map(str.rjust, row, widths)) for row in rows]


def shown_steps(count: int) -> list[int]:
    """0, 1, 2, 5, 10, 20, 50, ... below `count` - 1, and `count` - 1."""
    series = [0, *(digit * 10**power for power in range(len(str(count))) for digit in (1, 2, 5))]
    return [*(k for k in series if k < count - 1), count - 1]


def _number(value: float) -> str:
    return "-" if np.isnan(value) else "0" if value == 0 else f"{value:.1e}"


def _hundredths(panels: Sequence[Panel]) -> list[str]:
    rows = [(name, *(_fall(panel.curves[name].median) for panel in panels)) for name in panels[0].curves]
    return aligned([("", *(panel.title for panel in panels)), *rows])


def _fall(median: np.ndarray) -> str:
    """Such as "23"; where it does not fall so far, what is left of it at the end, such as "never: 0.2"."""
    if np.isnan(median).any():
        return "-"
    if median[0] == 0:
        return "it is 0"
    found = steps_to_hundredth(median)
    return f"never: {median[-1] / median[0]:.2g}" if found is None else str(found)


def trainings_table(trainings: Sequence[Training]) -> list[str]:
    """The losses of the last tenth of the steps, and the norms of the whole gradient in all of them."""
    rows: list[tuple[str, ...]] = [("", "training", "loss", "mean norm", "largest", "steps clipped")]
    notes = []
    for each in trainings:
        figures = ["-"] * 3
        if each.losses:
            last = each.losses[-max(1, len(each.losses) // 10) :]
            figures = [f"{np.mean(last):.3g}", f"{np.mean(each.norms):.3g}", f"{max(each.norms):.3g}"]
        clipped = "-"
        if each.limit is not None and each.norms:
            clipped = f"{np.mean(np.array(each.norms) > each.limit):.0%}"
        rows.append((each.network, each.clipping, *figures, clipped))
        if each.diverged_at is not None:
            notes.append(f"{each.network}, {each.clipping}: diverged at step {each.diverged_at} (not a finite number)")
    return [*aligned(rows), *notes]


def write_gradients(folder: Path, panels: Sequence[Panel], texts: np.ndarray, title: str) -> None:
    """texts (K,): how many the values of each k rest on. Raises TextRNNError where a file cannot be written."""
    write_text(folder / "gradients.tsv", gradients_tsv(panels, texts))
    save_png(folder / "gradients.png", plot_gradients(panels, title))


def gradients_tsv(panels: Sequence[Panel], texts: np.ndarray) -> str:
    """A line for each panel, curve and k; no number where a training diverged."""
    lines = ["panel\tnetwork\tk\ttexts\tp10\tmedian\tp90"]
    for panel in panels:
        for name, curve in panel.curves.items():
            for k, values in enumerate(zip(*curve, strict=True)):
                numbers = ("" if np.isnan(value) else f"{value:.6g}" for value in values)
                lines.append("\t".join([panel.title, name, str(k), str(texts[k]), *numbers]))
    return "\n".join(lines) + "\n"


@style()
def plot_gradients(panels: Sequence[Panel], title: str = "") -> Figure:
    """The panels side by side, on the same axes: the median norm over the steps back, with a band from the 10 to the
    90 % quantile. A logarithmic axis has no place for 0: there a line has a gap."""
    from matplotlib.ticker import LogFormatter

    figure = new_figure(max(4.2 * len(panels), 6), 4.4)
    figure.suptitle(title, fontsize=11, fontfamily=font_family(title))
    (row,) = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)
    for axes, panel in zip(row, panels, strict=True):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter())  # the usual one writes formulas, which are not parsed here
        axes.yaxis.set_minor_formatter(LogFormatter())
        for at, (name, curve) in enumerate(panel.curves.items()):
            low, median, high = (np.where(values > 0, values, np.nan) for values in curve)
            style, steps = _LINES[at % len(_LINES)], range(len(median))
            marker = "o" if len(median) == 1 else None
            axes.plot(steps, median, color=f"C{at % 10}", linestyle=style, marker=marker, label=name)
            axes.fill_between(steps, low, high, color=f"C{at % 10}", alpha=0.07, linewidth=0)
        axes.set_title(panel.title, fontsize=10)
        axes.set_xlabel("k, steps before the last token")
        axes.grid(alpha=0.3)
    row[0].set_ylabel("norm of the gradient at the input\n(median; 10 to 90 % of the texts)")
    handles, names = row[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 6), fontsize=9)
    return figure
