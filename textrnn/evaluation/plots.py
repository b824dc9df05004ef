"""Pictures: the confusion matrix, the curves of a training, and norms of gradients."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.evaluation.gradients import Panel
from textrnn.evaluation.metrics import Cells, class_sums, dense_matrix, most_confused_classes
from textrnn.runtime.files import write_bytes

_CJK_FAMILIES = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "Arial Unicode MS",
    "Droid Sans Fallback", "AR PL UMing CN",
)  # fmt: skip
_LINES = ["-", "--", "-.", ":"]  # curves differ in these, too, for those who do not tell the colours apart
NO_FONT = (
    "no installed font has the characters of the labels, so the picture shows numbers; report.txt lists which label "
    "each is. Install a font such as Noto Sans CJK (Debian: apt install fonts-noto-cjk) to see the labels"
)


def plot_confusion_matrix(path: Path, cells: Cells, labels: list[str], title: str = "") -> list[str] | None:
    """Write the picture, cells shaded by the share of the true class; of more than thirty classes, the most confused
    ones.

    Returns the labels' legend, `number  label` a line, where no font can draw them; else None.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    classes = most_confused_classes(cells, len(labels))
    matrix = dense_matrix(cells, classes)
    shares = matrix / np.maximum(class_sums(cells[0], cells[2], len(labels))[classes], 1)[:, None]
    shown = [labels[number] for number in classes]
    font = _font_for("".join([*shown, title])) or _font_for("".join(shown))
    names = shown if font else [str(number) for number in classes]
    names = [name if len(name) <= 24 else name[:23] + "…" for name in names]
    size = len(classes)
    side = max(3.6, 0.52 * size + 1.6)
    with rc_context({"font.family": [font or "DejaVu Sans", "DejaVu Sans"], "text.parse_math": False}):
        figure = Figure(figsize=(side + 1.2, side), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, fraction=0.046, label="share of the true class")
        axes.tick_params(labelsize=10)
        axes.set_xticks(range(size), names, rotation=45 if size > 2 else 0, ha="right" if size > 2 else "center")
        axes.set_yticks(range(size), names)
        of_all = f"\nthe {size} most confused of {len(labels):,} classes" if size < len(labels) else ""
        figure.suptitle(title + of_all, fontsize=11)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        font_size = 10 if size <= 12 else 8
        for row, column in np.argwhere(matrix).tolist():
            axes.text(
                column, row, str(matrix[row, column]), ha="center", va="center", fontsize=font_size,
                color="white" if shares[row, column] > 0.55 else "black",
            )  # fmt: skip
        _save(figure, path)
    return None if font else [f"{number:>3}  {label}" for number, label in zip(classes, shown, strict=True)]


def plot_curves(
    path: Path, history: list[dict[str, Any]], *, title: str = "", best: Mapping[int | None, int] | None = None
) -> None:
    """Loss, dev metrics, learning rate and gradient norm over the epochs, from the lines of history.jsonl. Each fold
    has a thin line of its own, and what sums up the folds a large point. best: the epoch of the best weights of each
    fold (None: of the only network), which is marked."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    has_parts = any(line.get("dev_network_loss") is not None for line in history)
    has_folds = any(line.get("fold") is not None for line in history)
    scores = {"dev_accuracy": "accuracy", "dev_macro_f1": "macro-F1"}
    if any(line.get("dev_linear_accuracy") is not None for line in history):
        scores |= {
            "dev_network_accuracy": "accuracy, network alone",
            "dev_linear_accuracy": "accuracy, linear model alone",
        }
    panels = (
        (
            "loss of the network (mean per document)" if has_parts else "loss (mean per document)",
            {"train_loss": "train", "dev_network_loss" if has_parts else "dev_loss": "dev"},
        ),
        ("dev metrics (large: all folds together)" if has_folds else "dev metrics", scores),
        ("learning rate", {"learning_rate": "at the evaluation"}),
        ("gradient norm before clipping", {"grad_norm_mean": "mean", "grad_norm_max": "max"}),
    )
    best = best or {}
    with rc_context({"font.family": [_font_for(title) or "DejaVu Sans", "DejaVu Sans"], "text.parse_math": False}):
        figure = Figure(figsize=(9, 6), layout="constrained")
        figure.suptitle(title, fontsize=11)
        for axes, (heading, series) in zip(figure.subplots(2, 2, sharex=True).flat, panels, strict=True):
            for number, (key, name) in enumerate(series.items()):
                style = "--" if key == "dev_linear_accuracy" else "-"
                _plot_series(axes, history, key, best, label=name, color=f"C{number}", linestyle=style)
            axes.set_title(heading, fontsize=10)
            axes.set_xlabel("epoch")
            axes.tick_params(labelbottom=True)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
            if axes.lines:
                if None in best and not has_folds:
                    axes.axvline(best[None], color="0.4", linestyle=":", label=f"best: epoch {best[None]}")
                axes.legend(fontsize=8)
        _save(figure, path)


def _plot_series(
    axes: Any, history: list[dict[str, Any]], key: str, best: Mapping[int | None, int], *, label: str, **look: Any
) -> None:
    """A line for all that has no fold, and one for each fold, with a ring at its best epoch; only the first has the
    label, for the legend."""
    folds = sorted({line["fold"] for line in history if line.get("fold") is not None})
    for fold in [*folds, None]:
        points = [
            (line["epoch"], line[key]) for line in history if line.get("fold") == fold and line.get(key) is not None
        ]
        if not points:
            continue
        size = {"markersize": 3} if not folds else {"markersize": 7} if fold is None else {"markersize": 2}
        width = {"linewidth": 0.8} if folds else {}
        axes.plot(*zip(*points, strict=True), marker="o", label=label, **size, **width, **look)
        label = "_" + label  # not in the legend
        for epoch, value in points:
            if fold is not None and best.get(fold) == epoch:
                axes.scatter([epoch], [value], s=36, facecolors="none", edgecolors=look["color"])


def plot_gradients(path: Path, panels: Sequence[Panel], *, title: str = "") -> None:
    """The panels side by side, on the same axes: the median norm over the steps back, with a band from the 10 to the
    90 % quantile. A logarithmic axis has no place for 0: there a line has a gap."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    with rc_context({"font.family": [_font_for(title) or "DejaVu Sans", "DejaVu Sans"], "text.parse_math": False}):
        figure = Figure(figsize=(max(4.2 * len(panels), 6), 4.4), layout="constrained")
        figure.suptitle(title, fontsize=11)
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
        _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    write_bytes(path, content.getvalue())


def _font_for(text: str) -> str | None:
    """A font family that has every character of the text; None where none is installed."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    needed = {ord(character) for character in text if not character.isspace()}
    font = _known_font_for(needed)
    if font is None:  # matplotlib caches the list of fonts: look for newly installed ones
        listed = {entry.fname for entry in fontManager.ttflist}
        for path in sorted(set(findSystemFonts()) - listed):
            with contextlib.suppress(OSError, RuntimeError):
                fontManager.addfont(path)
        font = _known_font_for(needed)
    return font


def _known_font_for(needed: set[int]) -> str | None:
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    # "Last Resort" has a glyph for everything: a box that only names the script
    installed = {entry.name: entry.fname for entry in fontManager.ttflist if "Last Resort" not in entry.name}
    known = ["DejaVu Sans", *_CJK_FAMILIES]
    for name in [*(name for name in known if name in installed), *sorted(set(installed) - set(known))]:
        try:
            if needed <= set(FT2Font(installed[name]).get_charmap()):
                return name
        except (OSError, RuntimeError):
            continue
    return None
