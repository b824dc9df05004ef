"""The files of measured gradients: every value, and the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from textrnn.evaluation.gradients import Panel
from textrnn.evaluation.plots import font_family, new_figure, save_png, style
from textrnn.runtime.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRADIENTS = ("gradients.tsv", "gradients.png")
_LINES = ["-", "--", "-.", ":"]  # curves differ in these, too, for those who do not tell the colours apart


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
