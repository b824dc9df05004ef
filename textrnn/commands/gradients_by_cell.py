"""`textrnn gradients --config C`: how far back gradients reach in fresh networks of each cell, before and after a short
training with and without clipping."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textrnn.commands.data import input_files, load_data, pretrained_vectors
from textrnn.commands.output import check_output
from textrnn.config import Config
from textrnn.evaluation.gradient_files import GRADIENTS, write_gradients
from textrnn.evaluation.gradient_text import MEASURED, Training, gradients_text, trainings_table
from textrnn.evaluation.gradients import (
    Curve,
    Panel,
    curve_of,
    gradient_norms,
    long_texts,
    no_curve,
    texts_behind,
)
from textrnn.models.network import Network
from textrnn.runtime.device import choose_device, tf32
from textrnn.runtime.files import make_folder
from textrnn.runtime.progress import bar, log
from textrnn.training.brief import train_briefly
from textrnn.training.plan import NetworkBuilder


def gradients_by_cell(
    config: Config,
    cells: Sequence[str],
    layers: Sequence[int],
    steps: int,
    output: Path,
    *,
    device_name: str,
    config_file: Path | None = None,
) -> str:
    """Measure a network of each of the cells ("rnn", "rnn-relu", "gru", "lstm") and numbers of layers (none: the
    config's), write the picture and all values to `output`, and return the tables.

    Raises: DataError and ConfigError where the texts cannot be read; TextRNNError where `output` cannot be written.
    """
    device, seed = choose_device(device_name), config.train.seed
    config.data.test = None  # it is not needed
    check_output("--output", output, input_files(config, config_file), GRADIENTS)
    splits, _ = load_data(config)
    make_folder(output)  # before the work
    pretrained = pretrained_vectors(config, splits)
    texts = long_texts(splits.train, seed)
    counts = texts_behind(texts.lengths)
    depths = list(dict.fromkeys(layers)) or [config.model.num_layers]
    networks = {
        cell if len(depths) == 1 else f"{cell} x{depth}": one_direction(config, cell, depth)
        for depth in depths
        for cell in cells
    }
    limit = config.train.grad_clip_norm or 1.0
    limits = {f"clipped at {limit:g}": limit, "unclipped": None}
    before, *after = panels = [Panel("before training", {}), *(Panel(f"after, {each}", {}) for each in limits)]
    trainings = []

    def measured(network: Network) -> Curve:
        return curve_of(gradient_norms(network, texts, device=device), len(counts))

    with bar("training", total=len(networks) * len(limits) * steps, unit="step") as shown, tf32(device, False):
        for name, settings in networks.items():
            shown.set_description(f"training {name}", refresh=False)
            builder = NetworkBuilder(settings, splits, pretrained)
            before.curves[name] = measured(builder.build(seed, device))
            for panel, (clipping, most) in zip(after, limits.items(), strict=True):
                network = builder.build(seed, device)
                course = train_briefly(
                    settings.train.model_copy(update={"grad_clip_norm": most}), network, splits.train, steps=steps,
                    num_classes=len(splits.labels), seed=seed, after_step=shown.update,
                )  # fmt: skip
                trainings.append(Training(name, clipping, most, *course))
                panel.curves[name] = no_curve(len(counts)) if course.diverged_at else measured(network)
    title = f"{depths_phrase(depths)}, one direction, read at the last step"
    write_gradients(output, panels, counts, f"{title}; {steps} steps of training")
    log.info("written to %s", output)
    about = [
        f"Fresh networks, {title}; {steps} steps of training, from the same weights, with and without clipping. The "
        f"other keys are those of the config, but for architecture and cell, and without n-grams, narrow vectors, "
        f"linear model and adversarial training.",
        MEASURED,
    ]
    return gradients_text(about, panels, counts, trainings_table(trainings))


def depths_phrase(depths: Sequence[int]) -> str:
    """Such as "1 layer", "1 or 2 layers"."""
    return f"{' or '.join(map(str, depths))} layer{'s' * (depths != [1])}"


def one_direction(config: Config, cell: str, layers: int) -> Config:
    """The config with a network in which k steps lie between an input and the loss, and with plain training."""
    model = {
        "architecture": "textrnn", "cell": cell.partition("-")[0], "num_layers": layers,
        "nonlinearity": "relu" if cell == "rnn-relu" else "tanh", "bidirectional": False, "pooling": "last",
        "rare_dim": None, "ngrams": 1, "linear": "none",
    }  # fmt: skip
    train = {"adversarial_norm": None, "precision": "float32", "patience": None}
    return config.model_copy(
        update={"model": config.model.model_copy(update=model), "train": config.train.model_copy(update=train)}
    )
