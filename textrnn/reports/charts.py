"""Charts of the confusion matrix, the training, calibration and coverage.

A function here returns a figure; `save_png` and `svg` turn it into a file and into an element of a page.
"""

from __future__ import annotations

import contextlib
import html
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from textrnn.evaluation.metrics import CALIBRATION_BINS, most_confused_classes
from textrnn.evaluation.slices import Bin, Coverage
from textrnn.runtime.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from scipy.sparse import csr_array


History = list[dict[str, Any]]  # the lines of history.jsonl
Best = Mapping[int | None, int]  # fold (None: the only network) -> the epoch of its best weights

_CJK_FAMILIES = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "Arial Unicode MS",
    "Droid Sans Fallback", "AR PL UMing CN",
)  # fmt: skip
_SERIES = ["#2a6fc9", "#d9591f", "#12875a", "#6a4bb8"]  # --c1 to --c4 of page.css
_INK, _QUIET, _LINE = "#1d1d1b", "#63635e", "#dcdcd6"
_VARIABLES = dict(zip([*_SERIES, _INK, _QUIET, _LINE], ["c1", "c2", "c3", "c4", "ink", "quiet", "line"], strict=True))
NO_FONT = (
    "no installed font has the characters of the labels, so the picture shows numbers; report.txt lists which label "
    "each is. Install a font such as Noto Sans CJK (Debian: apt install fonts-noto-cjk) to see the labels"
)


@contextlib.contextmanager
def style() -> Iterator[None]:
    from matplotlib import rc_context

    with rc_context({
        "font.family": ["DejaVu Sans"], "font.size": 10, "text.parse_math": False, "text.color": _INK,
        "axes.labelcolor": _INK, "axes.edgecolor": _QUIET, "axes.axisbelow": True, "grid.color": _LINE,
        "xtick.color": _QUIET, "ytick.color": _QUIET, "legend.frameon": False, "legend.fontsize": "medium",
        "svg.fonttype": "none",
    }):  # fmt: skip
        yield


@style()
def save_png(path: Path, figure: Figure) -> None:
    """Write a PNG file. Raises TextRNNError if it cannot be written."""
    write_bytes(path, _render(figure, format="png", dpi=150))


@style()
def svg(figure: Figure, title: str) -> str:
    """An element for a page, in the colours that the page defines. title: what the chart shows, for those who cannot
    see it. The same figure gives the same text, and no two titles share an id."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": title}):
        drawing = _render(figure, format="svg", transparent=True, metadata={"Date": None}).decode()
    # before the first "</defs>" are a prolog, metadata and a style that would hold for the whole page
    drawing = drawing.partition("</defs>")[2].rpartition("</svg>")[0].replace("xlink:href", "href")
    drawing = re.sub(r'(?<=<g) id="[^"]*"|\n *', "", drawing)
    drawing = re.sub("|".join(_VARIABLES), lambda colour: f"var(--{_VARIABLES[colour[0]]})", drawing)
    width, height = 72 * figure.get_size_inches()
    return (
        f'<svg class="chart" role="img" viewBox="0 0 {width:g} {height:g}"><title>{html.escape(title)}</title>'
        f"{drawing}</svg>"
    )


def _render(figure: Figure, **options: Any) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, **options)
    return content.getvalue()


def new_figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


@style()
def plot_confusion_matrix(matrix: csr_array, labels: list[str], title: str = "") -> tuple[Figure, list[str] | None]:
    """The picture, cells shaded by the share of the true class; of more than thirty classes, the most confused ones.
    With it the labels' legend, `number  label` a line, if no font can draw them; else None. matrix (C, C)."""
    classes = most_confused_classes(matrix)
    size = len(classes)
    counts = matrix[classes][:, classes].toarray()
    shares = counts / np.maximum(matrix.sum(axis=1)[classes], 1)[:, None]
    shown = [labels[number] for number in classes]
    font = _font_for("".join([*shown, title])) or _font_for("".join(shown))
    family = [font or "DejaVu Sans", "DejaVu Sans"]
    names = [name if len(name) <= 24 else name[:23] + "…" for name in (shown if font else map(str, classes))]
    side = max(3.6, 0.52 * size + 1.6)
    figure = new_figure(side + 1.2, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, fraction=0.046, label="share of the true class")
    rotation, alignment = (45, "right") if size > 2 else (0, "center")
    axes.set_xticks(range(size), names, rotation=rotation, ha=alignment, fontfamily=family)
    axes.set_yticks(range(size), names, fontfamily=family)
    selection = f"\nthe {size} most confused of {len(labels):,} classes" if size < len(labels) else ""
    figure.suptitle(title + selection, fontsize=11, fontfamily=family)
    axes.set(xlabel="predicted", ylabel="true")
    for row, column in np.argwhere(counts).tolist():
        axes.text(
            column, row, str(counts[row, column]), ha="center", va="center", fontsize=10 if size <= 12 else 8,
            color="white" if shares[row, column] > 0.55 else "black",
        )  # fmt: skip
    return figure, None if font else [f"{number:>3}  {label}" for number, label in zip(classes, shown, strict=True)]


class Curves(NamedTuple):
    """Curves over the epochs that share a panel. names: key of history.jsonl -> name in the legend. is_share: the
    values are shares of 1."""

    heading: str
    names: dict[str, str]
    is_share: bool = False


def training_curves(history: History) -> list[Curves]:
    """The panels of a training, without those that have nothing to show."""
    keys = {key for line in history for key, value in line.items() if value is not None}
    has_parts = "dev_network_loss" in keys
    loss = "Loss of the network, mean per text" if has_parts else "Loss, mean per text"
    scores = {"dev_accuracy": "accuracy", "dev_macro_f1": "macro-F1"}
    if "dev_linear_accuracy" in keys:
        scores |= {"dev_network_accuracy": "accuracy, network", "dev_linear_accuracy": "accuracy, linear model"}
    panels = [
        Curves(loss, {"train_loss": "train", "dev_network_loss" if has_parts else "dev_loss": "dev"}),
        Curves("Scores on dev", scores, is_share=True),
        Curves("Learning rate", {"learning_rate": "at the evaluation"}),
        Curves("Gradient norm before clipping", {"grad_norm_mean": "mean", "grad_norm_max": "max"}),
    ]
    return [panel for panel in panels if keys & set(panel.names)]


@style()
def plot_curves(history: History, panels: Sequence[Curves], best: Best, title: str = "") -> Figure:
    """Panels in two columns, each with its heading; or a single one without it. Of cross-fitted networks, curves are
    the mean over folds in a band from lowest to highest, and a diamond is the score of all folds together."""
    has_folds = any(line.get("fold") is not None for line in history)
    entries = max((len(panel.names) for panel in panels), default=0) + (3 if has_folds else 1)
    figure, all_axes = _panels(len(panels), legend_rows=math.ceil(entries / 2), heading=0.7 if title else 0.15)
    figure.suptitle(title, fontsize=11, fontfamily=font_family(title))
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, history, panel, best)
        if len(panels) > 1:
            axes.set_title(panel.heading, fontsize=11)
    return figure


def _panels(count: int, *, legend_rows: int = 0, heading: float = 0.15) -> tuple[Figure, list[Axes]]:
    """Axes of fixed size in at most two columns: a layout engine would take longer than all else. heading: inches above
    them."""
    from matplotlib.figure import Figure

    below = 0.55 + 0.2 * legend_rows
    width, height = 4.5, heading + 2.6 + below  # of a panel with its labels: it fills a phone, or half of a wider page
    rows = math.ceil(count / 2)
    across, down = width * min(count, 2), height * rows
    figure = Figure(figsize=(across, down))
    places = [(0.95 + width * (at % 2), below + height * (rows - 1 - at // 2)) for at in range(count)]
    return figure, [figure.add_axes((x / across, y / down, 3.4 / across, 2.6 / down)) for x, y in places]


def _draw_panel(axes: Axes, history: History, panel: Curves, best: Best) -> None:
    from matplotlib.ticker import MaxNLocator

    fold_lines = [line for line in history if line.get("fold") is not None]
    whole_lines = [line for line in history if line.get("fold") is None]
    for (key, name), color in zip(panel.names.items(), _SERIES, strict=False):
        curve = _by_epoch(fold_lines or whole_lines, key)
        means = [np.mean(values) for values in curve.values()]
        mark = "o--" if key == "dev_linear_accuracy" else "o-"
        axes.plot(list(curve), means, mark, color=color, markersize=3, label=name)
    for key, color in zip(panel.names, _SERIES, strict=False) if fold_lines else ():
        curve, together = _by_epoch(fold_lines, key), _by_epoch(whole_lines, key)
        low, high = ([end(values) for values in curve.values()] for end in (min, max))
        label = "lowest to highest fold"
        axes.fill_between(list(curve), low, high, color=color, alpha=0.13, linewidth=0, label=label)
        if together:
            axes.plot(list(together), list(together.values()), "D", color=color, label="all folds together")
    epochs = sorted(set(best.values()))
    for epoch in epochs:
        label = f"best: epoch {epoch}" if len(epochs) == 1 else f"best: epochs {epochs[0]} to {epochs[-1]}"
        axes.axvline(epoch, color=_QUIET, linestyle=":", linewidth=1, label=label)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel.is_share:
        axes.yaxis.set_major_formatter(_percent)
    axes.grid(axis="y")
    legend: dict[str, Any] = {}
    for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
        legend.setdefault(name, handle)
    axes.legend(legend.values(), legend, loc="upper center", bbox_to_anchor=(0.37, -0.16), ncols=2, columnspacing=1.5)


def _by_epoch(history: History, key: str) -> dict[int, list[float]]:
    values: dict[int, list[float]] = {}
    for line in history:
        if line.get(key) is not None:
            values.setdefault(line["epoch"], []).append(line[key])
    return dict(sorted(values.items()))


@style()
def plot_calibration(bins: list[Bin]) -> Figure:
    """The share of right predictions by their probability (Guo et al. 2017, figure 1), with 95 % intervals; grey bars
    show the texts of each bin."""
    figure, (axes,) = _panels(1)
    probabilities, texts = np.array([part.mean_probability for part in bins]), np.array([part.texts for part in bins])
    lower_edges = np.minimum(probabilities * CALIBRATION_BINS // 1, CALIBRATION_BINS - 1) / CALIBRATION_BINS
    axes.bar(lower_edges, 0.3 * texts / texts.sum(), 0.9 / CALIBRATION_BINS, align="edge", color="#80808050")
    axes.plot([0, 1], [0, 1], "--", color=_QUIET, linewidth=1)
    axes.vlines(probabilities, *np.transpose([part.interval for part in bins]), color=_SERIES[0])
    axes.plot(probabilities, [part.accuracy for part in bins], "o", color=_SERIES[0])
    axes.set(ylim=(-0.02, 1.02), xlabel="probability of the predicted label", ylabel="share that is right")
    _show_shares(axes)
    return figure


@style()
def plot_coverage(shares: np.ndarray, accuracies: np.ndarray, rows: list[Coverage]) -> Figure:
    """Accuracy of the answered texts against their share (El-Yaniv and Wiener 2010). shares, accuracies (points,): the
    curve, see `coverage_curve`. rows: thresholds to mark."""
    figure, (axes,) = _panels(1)
    axes.plot(shares, accuracies, "-", color=_SERIES[0])
    points = [(row.share, row.accuracy) for row in rows if row.accuracy is not None]
    axes.plot(*np.transpose(points), "o", color=_SERIES[0])
    # the ends of a curve of a handful of texts swing widely: an axis that holds them hides the rest
    low = accuracies[shares >= 0.05].min()
    margin = 0.05 * max(1 - low, 0.02)
    axes.set(ylim=(low - margin, 1 + margin), xlabel="share of the texts that are answered", ylabel="accuracy of those")
    _show_shares(axes)
    return figure


def _show_shares(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_percent)
    axes.grid(axis="y")


def _percent(value: float, position: float | None = None) -> str:
    return "" if value > 1 + 1e-9 else f"{100 * value:.4g} %"  # nothing is above 100 %


def font_family(text: str) -> list[str]:
    return [_font_for(text) or "DejaVu Sans", "DejaVu Sans"]


def _font_for(text: str) -> str | None:
    """An installed font family that has every character of the text, or None."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    needed = {ord(character) for character in text if not character.isspace()}
    font = _known_font_for(needed)
    if font is None:  # matplotlib caches which fonts are installed: look for new ones
        for path in sorted(set(findSystemFonts()) - {entry.fname for entry in fontManager.ttflist}):
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
        with contextlib.suppress(OSError, RuntimeError):
            if needed <= set(FT2Font(installed[name]).get_charmap()):
                return name
    return None
