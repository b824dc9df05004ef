"""The files of measured gradients: every value, and the picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from textrnn.evaluation.gradients import Panel
from textrnn.evaluation.plots import plot_gradients
from textrnn.runtime.files import write_text

GRADIENTS = ("gradients.tsv", "gradients.png")


def write_gradients(folder: Path, panels: Sequence[Panel], texts: np.ndarray, title: str) -> None:
    """texts (K,): how many the values of each k rest on. Raises TextRNNError where a file cannot be written."""
    write_text(folder / "gradients.tsv", gradients_tsv(panels, texts))
    plot_gradients(folder / "gradients.png", panels, title=title)


def gradients_tsv(panels: Sequence[Panel], texts: np.ndarray) -> str:
    """A line for each panel, curve and k; no number where a training diverged."""
    lines = ["panel\tnetwork\tk\ttexts\tp10\tmedian\tp90"]
    for panel in panels:
        for name, curve in panel.curves.items():
            for k, values in enumerate(zip(*curve, strict=True)):
                numbers = ("" if np.isnan(value) else f"{value:.6g}" for value in values)
                lines.append("\t".join([panel.title, name, str(k), str(texts[k]), *numbers]))
    return "\n".join(lines) + "\n"
