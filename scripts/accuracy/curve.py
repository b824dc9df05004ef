"""docs/pictures/few-labels.png: accuracy by the number of labels."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import fmean

from matplotlib.figure import Figure

PROGRAM_COLORS = ("#8c8c8c", "#c58b2b", "#4477aa", "#cc4125", "#228833", "#aa3377")


def draw(accuracies: dict[tuple[str, int, str], list[float]], path: Path) -> None:
    """accuracies: (corpus, labels, program) -> the accuracy of each draw. Corpora with one number of labels are left
    out."""
    lines: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for (corpus, labels, program), values in sorted(accuracies.items()):
        lines[corpus][program].append((labels, 100 * fmean(values)))
    shown = {corpus: curves for corpus, curves in lines.items() if all(len(curve) > 1 for curve in curves.values())}
    if not shown:
        return
    figure = Figure(figsize=(5 * len(shown), 3.8), layout="tight")
    axes = figure.subplots(1, len(shown), squeeze=False)
    for axis, (corpus, curves) in zip(axes[0], shown.items(), strict=True):
        for color, (program, curve) in zip(PROGRAM_COLORS, curves.items(), strict=False):
            axis.plot(*zip(*curve, strict=True), marker="o", markersize=3, color=color, label=program)
        ticks = sorted({labels for curve in curves.values() for labels, _ in curve})
        axis.set(title=corpus, xlabel="labels", ylabel="accuracy, %", xscale="log")
        axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks], minor=False)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][-1].legend(fontsize=7, loc="lower right")
    figure.savefig(path, dpi=110, metadata={"Software": None})
