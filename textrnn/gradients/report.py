"""Norms of gradients -> the tables that `gradients` prints, no wider than a terminal of 80 columns, and its files."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from textrnn.gradients.measure import Clipping, Curve, Panel, Training, steps_to_hundredth
from textrnn.reports.charts import font_family, new_figure, save_png, style
from textrnn.runtime.files import write_text
from textrnn.runtime.terminal import aligned, json_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


GRADIENTS = ("gradients.json", "gradients.tsv", "gradients.png")
MEASURED = (
    "Norm of the gradient of a text's loss with respect to the input k steps before its last token: the median of the "
    "texts that are longer than k tokens."
)
_COLUMNS = 80
_HUNDREDTH = "The k from which on the gradient is less than a hundredth of that at k = 0"
_NEVER = "(never: it stays above 1/100; the number is the ratio of the last k to k = 0)"
_LEFT, _GAP, _NUMBER = 12, 2, 7  # columns of k and texts, at most; between two columns; of a number such as 1.2e-03
_LINES = ["-", "--", "-.", ":"]  # for readers who cannot distinguish the colours of curves


class Gradients(NamedTuple):
    """The results of `gradients`. title: of the picture. about: paragraphs above the tables. texts (K,): the
    number of texts behind the values of each k. trainings: network and clipping, both in words -> a short training.
    clipping: in the recorded training of a run."""

    title: str
    about: Sequence[str]
    panels: Sequence[Panel]
    texts: np.ndarray
    trainings: Mapping[tuple[str, str], Training] = {}
    clipping: Clipping | None = None


def gradients_text(result: Gradients) -> str:
    """Paragraphs, tables of each panel, the k at which each curve has fallen to a hundredth, and a table of the
    trainings."""
    lines, panels, texts = list[str](), result.panels, result.texts
    for paragraph in [*result.about, *([_clipping_sentence(result.clipping)] if result.clipping else ())]:
        lines += [textwrap.fill(paragraph, _COLUMNS, break_on_hyphens=False), ""]
    names = list(panels[0].curves)
    at_once = max(1, (_COLUMNS - _LEFT) // (max(_NUMBER, *map(len, names)) + _GAP))
    for panel in panels:
        for begin in range(0, len(names), at_once):
            curves = {name: panel.curves[name] for name in names[begin : begin + at_once]}
            lines += [panel.title, *_table(curves, texts), ""]
    rows = [(name, *(_fall(panel.curves[name].median) for panel in panels)) for name in names]
    has_never = any("never" in cell for row in rows for cell in row)
    lines += [_HUNDREDTH, *[_NEVER] * has_never, *aligned([("", *(panel.title for panel in panels)), *rows])]
    return "\n".join([*lines, *(["", *trainings_table(result.trainings)] if result.trainings else []), ""])


def gradients_json(result: Gradients) -> dict[str, Any]:
    """The content of gradients.json; docs/reference/json.md describes the keys."""
    clipping = result.clipping
    return {
        "title": result.title,
        "texts": result.texts.tolist(),
        "panels": [
            {"title": panel.title, "curves": [_curve_json(name, curve) for name, curve in panel.curves.items()]}
            for panel in result.panels
        ],
        "trainings": [
            {"network": network, "clipping": words, **_training_json(training)}
            for (network, words), training in result.trainings.items()
        ],
        "run": None
        if clipping is None
        else {
            "grad_norm_mean": clipping.mean,
            "grad_norm_max": clipping.largest,
            "clipped": clipping.clipped,
            "grad_clip_norm": clipping.limit,
        },
    }


def _curve_json(name: str, curve: Curve) -> dict[str, Any]:
    quantiles = {
        key: [float(value) if np.isfinite(value) else None for value in values]
        for key, values in zip(("p10", "median", "p90"), curve, strict=True)
    }
    return {"network": name, "steps_to_hundredth": steps_to_hundredth(curve.median), **quantiles}


def _training_json(training: Training) -> dict[str, Any]:
    limit, losses, norms, diverged_at = training
    return {
        "grad_clip_norm": limit,
        "loss": last_loss(losses) if losses else None,
        "grad_norm_mean": float(np.mean(norms)) if norms else None,
        "grad_norm_max": max(norms) if norms else None,
        "clipped": None if limit is None or not norms else float(np.mean(np.array(norms) > limit)),
        "diverged_at": diverged_at,
    }


def last_loss(losses: Sequence[float]) -> float:
    """The mean of the last tenth of the losses."""
    return float(np.mean(losses[-max(1, len(losses) // 10) :]))


def _clipping_sentence(clipping: Clipping) -> str:
    mean, largest, clipped, limit = clipping
    share = "nothing was clipped" if limit is None else f"{100 * clipped:.0f} % of the steps were clipped at {limit:g}"
    return (
        f"In its training, the norm of the whole gradient was {mean:.2g} on average and {largest:.2g} at most; {share}."
    )


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


def _fall(median: np.ndarray) -> str:
    """The step, such as "23"; or the ratio at the end of a curve that stays above, such as "never: 0.2"."""
    if np.isnan(median).any():
        return "-"
    if median[0] == 0:
        return "it is 0"
    step = steps_to_hundredth(median)
    return f"never: {median[-1] / median[0]:.2g}" if step is None else str(step)


def trainings_table(trainings: Mapping[tuple[str, str], Training]) -> list[str]:
    """The losses of the last tenth of the steps, and the norms of the whole gradient in all of them. trainings: network
    and clipping, both in words -> its training."""
    rows: list[tuple[str, ...]] = [("", "training", "loss", "mean norm", "largest", "steps clipped")]
    notes = []
    for (network, clipping), (limit, losses, norms, diverged_at) in trainings.items():
        loss = mean = largest = clipped = "-"
        if losses:
            loss = f"{last_loss(losses):.3g}"
            mean, largest = f"{np.mean(norms):.3g}", f"{max(norms):.3g}"
            clipped = "-" if limit is None else f"{100 * np.mean(np.array(norms) > limit):.0f} %"
        rows.append((network, clipping, loss, mean, largest, clipped))
        if diverged_at is not None:
            notes.append(f"{network}, {clipping}: diverged at step {diverged_at} (not a finite number)")
    return [*aligned(rows), *notes]


def write_gradients(folder: Path, result: Gradients) -> None:
    """Write all files. Raises TextRNNError if one cannot be written."""
    write_text(folder / "gradients.json", json_text(gradients_json(result), indent=2))
    write_text(folder / "gradients.tsv", gradients_tsv(result.panels, result.texts))
    save_png(folder / "gradients.png", plot_gradients(result.panels, result.title))


def gradients_tsv(panels: Sequence[Panel], texts: np.ndarray) -> str:
    """A line for each panel, curve and k; no number if a training diverged. texts: as in Gradients."""
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
    90 % quantile. A line has a gap at 0, which has no place on a logarithmic axis."""
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
