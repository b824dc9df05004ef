"""The charts of an evaluation's page: calibration, coverage and training."""

from __future__ import annotations

from typing import Any

from textrnn.evaluation.charts import Chart, axis
from textrnn.evaluation.metrics import CALIBRATION_BINS
from textrnn.evaluation.slices import Bin, Coverage

Best = dict[int | None, int]  # fold (None: the only network) -> its best epoch


def reliability_chart(bins: list[Bin]) -> Chart:
    """The share of right predictions by the probability that was given (Guo et al. 2017, figure 1)."""
    whole = (0.0, 1.0)
    chart = Chart(
        "Share of right predictions by the probability of the predicted label",
        axis("probability of the predicted label", (), percent=True, bounds=whole),
        axis("share that is right", (), percent=True, bounds=whole),
    )
    chart.add_line([(0, 0), (1, 1)], "ideal", "perfect calibration")
    texts = sum(each.texts for each in bins)
    for each in bins:
        number = min(int(each.mean_probability * CALIBRATION_BINS), CALIBRATION_BINS - 1)
        chart.add_bar(number / CALIBRATION_BINS, (number + 1) / CALIBRATION_BINS, 0.3 * each.texts / texts)
        tip = (
            f"probability {each.name}: {each.texts:,} texts, {100 * each.mean_probability:.1f} % on average, "
            f"{100 * each.accuracy:.1f} % right"
        )
        point = (each.mean_probability, each.accuracy)
        chart.add_dot(point, "c1", radius=4, tip=tip, whisker=each.interval)
    return chart


def coverage_chart(curve: list[Coverage], rows: list[Coverage]) -> Chart:
    """Accuracy of what is answered against its share (El-Yaniv and Wiener 2010). rows: thresholds to mark."""
    points = [(each.share, each.accuracy) for each in curve if each.accuracy is not None]
    # the ends of a curve of a handful of texts swing widely: an axis that holds them hides the rest
    steady = [accuracy for share, accuracy in points if share >= 0.05] or [points[-1][1]]
    scale = axis("accuracy of those", [*steady, 1.0], percent=True)
    chart = Chart(
        "Accuracy by the share of the texts that are answered",
        axis("share of the texts that are answered", (), percent=True, bounds=(0.0, 1.0)),
        scale,
    )
    chart.add_line([point for point in points if point[1] >= scale.low], "c1")
    for each in rows:
        if each.accuracy is not None and each.accuracy >= scale.low:
            name = f"probability {each.threshold:g} or more" if each.threshold else "every text"
            tip = f"{name}: {100 * each.share:.1f} % answered, {100 * each.accuracy:.1f} % of them right"
            chart.add_dot((each.share, each.accuracy), "c1", radius=4, tip=tip)
    return chart


def training_charts(history: list[dict[str, Any]], best: Best) -> list[Chart]:
    """Losses and scores over the epochs, from the lines of history.jsonl. Each fold has a thin line of its own, and
    what sums up the folds a large dot."""
    dev_loss = "dev_network_loss" if _has(history, "dev_network_loss") else "dev_loss"
    losses = {"train_loss": "train", dev_loss: "dev"}
    scores = {"dev_accuracy": "accuracy", "dev_macro_f1": "macro-F1"}
    if _has(history, "dev_linear_accuracy"):
        scores |= {
            "dev_network_accuracy": "accuracy, network alone",
            "dev_linear_accuracy": "accuracy, linear model alone",
        }
    of_network = " of the network" if dev_loss == "dev_network_loss" else ""
    charts = [
        _over_epochs(f"Loss{of_network}, mean per text", history, losses, best, percent=False),
        _over_epochs("Scores on dev", history, scores, best, percent=True),
    ]
    return [chart for chart in charts if chart is not None]


def _has(history: list[dict[str, Any]], key: str) -> bool:
    return any(line.get(key) is not None for line in history)


def _over_epochs(
    title: str, history: list[dict[str, Any]], series: dict[str, str], best: Best, *, percent: bool
) -> Chart | None:
    lines = [line for line in history if any(line.get(key) is not None for key in series)]
    if not lines:
        return None
    values = [line[key] for line in lines for key in series if line.get(key) is not None]
    chart = Chart(
        title,
        axis("epoch", [line["epoch"] for line in lines], whole=True),
        axis("", values, percent=percent),
    )
    folds = sorted({line["fold"] for line in lines if line.get("fold") is not None})
    for number, (key, name) in enumerate(series.items(), start=1):
        look = f"c{number}" + " dashed" * (key == "dev_linear_accuracy")
        for fold in [*folds, None]:
            points = [
                (line["epoch"], line[key]) for line in lines if line.get("fold") == fold and line.get(key) is not None
            ]
            if not points:
                continue
            thin = " thin" * (fold is not None)
            chart.add_line(points, look + thin, name)
            name = ""  # only the first has it in the legend
            for epoch, value in points:
                is_best = best.get(fold) == epoch
                radius = 5.0 if folds and fold is None else 4.0 if is_best else 2.5 if fold is None else 1.5
                of_fold = "" if fold is None else f", fold {fold}"
                tip = (
                    f"epoch {epoch}{of_fold}: {100 * value:.2f} %"
                    if percent
                    else f"epoch {epoch}{of_fold}: {value:.4f}"
                )
                chart.add_dot((epoch, value), f"c{number}" + " best" * is_best, radius=radius, tip=tip)
    if None in best and not folds:
        chart.add_mark(best[None], f"best: epoch {best[None]}")
    return chart
