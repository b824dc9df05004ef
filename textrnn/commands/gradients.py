"""`textrnn gradients`: how far back gradients reach, in the network of a run before and after its training, or in fresh
networks of each cell, before and after a short training with and without clipping."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from textrnn.commands.data import input_files, load_data, pretrained_vectors
from textrnn.commands.output import check_output
from textrnn.config import Config, ModelConfig, TokenizerConfig, build_config, changed_keys, read_yaml
from textrnn.corpus.build import build_sources, content_digests
from textrnn.corpus.splits import Splits
from textrnn.errors import CheckpointError
from textrnn.gradients.measure import (
    Clipping,
    Curve,
    Panel,
    Training,
    curve_of,
    gradient_norms,
    long_texts,
    no_curve,
    texts_behind,
    train_briefly,
)
from textrnn.gradients.report import GRADIENTS, MEASURED, Gradients, write_gradients
from textrnn.models.network import Network
from textrnn.models.textrnn import TextRNN
from textrnn.reports.architecture import network_line
from textrnn.run.folder import RunFolder, model_folder
from textrnn.run.model import load_model
from textrnn.run.records import compare_environment, describe_environment, load_environment, read_history
from textrnn.runtime.device import choose_device, tf32
from textrnn.runtime.files import make_folder
from textrnn.runtime.progress import bar, log
from textrnn.runtime.tensors import difference
from textrnn.training.plan import NetworkBuilder, class_weights, plan

# Keys of a run's config whose values its model keeps as they were given: not those that no network has, or that are
# saved with another value if word vectors are given.
_CHANGED = ("embedding_dim", "pretrained", "freeze_embedding", "rare_dim", "linear")
_KEPT = {
    *(f"model.{key}" for key in ModelConfig.model_fields if key not in _CHANGED),
    *(f"tokenizer.{key}" for key in TokenizerConfig.model_fields if key != "user_dict"),
    "data.max_length",
}  # fmt: skip
READOUTS = (
    '"as it is": the unchanged network with its own loss. "last step": it reads nothing but the state of the '
    "forward direction after the last token, so that k steps lie between an input and the loss."
)


def gradients_of_run(run: Path, output: Path | None, *, device_name: str) -> Gradients:
    """Measure the first network of a run, and write the picture and all values to `output` (None: RUN/gradients).

    Raises: CheckpointError if RUN is no run, damaged, of another version, or its texts have changed; DataError and
    ConfigError if they cannot be read; TextRNNError if `output` cannot be written.
    """
    after, config = trained_network(run)
    folder, device = RunFolder(run), choose_device(device_name)
    output = output or folder.gradients
    splits = _load_splits(config, folder.config, output)
    check_same_data(folder, config, splits, device)
    parts = plan(splits, config.train)
    before = NetworkBuilder(config, splits, pretrained_vectors(config, splits)).build(parts[0].seed, device)
    problem = difference(after.state_dict(), before.state_dict())
    if problem is not None:
        raise CheckpointError(f"{run}: config.yaml no longer makes the network that is in model/: {problem}")

    make_folder(output)  # before the work
    texts = long_texts(parts[0].train, config.train.seed)
    counts = texts_behind(texts.lengths)
    panels = [Panel("as it is", {})]
    if isinstance(before, TextRNN) and (config.model.pooling != "last" or config.model.bidirectional):
        panels.append(Panel("last step", {}))
    with bar("measuring", total=2 * len(panels) * len(texts), unit="text") as shown:
        for panel in panels:
            for name, network in (("before training", before), ("after training", after)):
                norms = gradient_norms(
                    network, texts, last_step=panel.title == "last step", device=device, after_batch=shown.update
                )
                panel.curves[name] = curve_of(norms, len(counts))
    title = f"{folder.path.name or run}: {network_line(config.model, before.parameter_count, len(parts))}"
    first = "; the first of them is measured, on the texts that it was trained on" if len(parts) > 1 else ""
    about = [title + first, MEASURED, *([READOUTS] if len(panels) > 1 else ())]
    result = Gradients(title, about, panels, counts, clipping=recorded_clipping(folder, config))
    write_gradients(output, result)
    log.info("written to %s", output)
    return result


def _load_splits(config: Config, config_file: Path | None, output: Path) -> Splits:
    """Raises UsageError for an output that is an input, before the texts are read."""
    sources = build_sources(config)
    check_output("--output", output, input_files(config, sources, config_file), GRADIENTS)
    return load_data(config, sources).splits


def trained_network(run: Path) -> tuple[Network, Config]:
    """The first network of a run, and the run's config without a test file, which is not needed. Raises CheckpointError
    and ConfigError."""
    if run.is_file():
        raise CheckpointError(f"{run}: a run's folder was expected, found a file; a config is given with --config")
    if model_folder(run) == run:
        raise CheckpointError(
            f"{run}: the folder of a model, which has no texts and no training of its own: give a run's folder"
        )
    folder = RunFolder(run)
    model = load_model(folder.model)
    if not model.has_network:
        raise CheckpointError(
            f"{run}: a linear model without a network (model.linear is only), which has no steps through which "
            f"gradients could pass; give a run with a network, or measure fresh ones with --config or --data"
        )
    config = build_config(read_yaml(folder.config), origin=str(folder.config))
    if changed := [key for key in changed_keys(model.config, config) if key in _KEPT]:
        raise CheckpointError(f"{folder.config}: not what the model was trained with: {', '.join(changed)}")
    return model.networks.networks[0], config.replaced(data={"test": None})


def check_same_data(run: RunFolder, config: Config, splits: Splits, device: torch.device) -> None:
    """Raises CheckpointError if the data has changed, so that the first weights cannot be drawn again; warns if another
    torch draws them."""
    saved, now = load_environment(run.environment), describe_environment(device)
    for change in compare_environment(saved, now, content_digests(config, splits), run.restart_command()):
        if change.startswith("torch "):
            log.warning("the weights before training may not be those that the run began with: %s", change)


def recorded_clipping(run: RunFolder, config: Config) -> Clipping | None:
    """The gradients in the training of the first network; None if nothing was recorded."""
    lines = [line for line in read_history(run.history) if line.get("fold") in (None, 1)]
    rows = [[line.get(key) for key in ("grad_norm_mean", "grad_norm_max", "clipped")] for line in lines]
    rows = [row for row in rows if None not in row]
    if not rows:
        return None
    mean, largest, clipped = np.array(rows).T
    return Clipping(float(mean.mean()), float(largest.max()), float(clipped.mean()), config.train.grad_clip_norm)


def gradients_by_cell(
    config: Config, cells: Sequence[str], layers: Sequence[int], steps: int, output: Path, *, device_name: str,
    config_file: Path | None,
) -> Gradients:  # fmt: skip
    """Measure a network of each of the cells (those of the config, and "rnn-relu") and numbers of layers (none: the
    config's), and write the picture and all values to `output`.

    Raises: DataError and ConfigError if the texts cannot be read; TextRNNError if `output` cannot be written.
    """
    device, seed, config = choose_device(device_name), config.train.seed, config.replaced(data={"test": None})
    splits = _load_splits(config, config_file, output)
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
    clip = config.train.grad_clip_norm or 1.0
    limits = {f"clipped at {clip:g}": clip, "unclipped": None}
    before, *after = panels = [Panel("before training", {}), *(Panel(f"after, {name}", {}) for name in limits)]
    trainings: dict[tuple[str, str], Training] = {}

    def curve(network: Network) -> Curve:
        return curve_of(gradient_norms(network, texts, device=device), len(counts))

    with bar("training", total=len(networks) * len(limits) * steps, unit="step") as shown, tf32(device, False):
        for name, settings in networks.items():
            shown.set_description(f"training {name}", refresh=False)
            builder = NetworkBuilder(settings, splits, pretrained)
            before.curves[name] = curve(builder.build(seed, device))
            for panel, (clipping, limit) in zip(after, limits.items(), strict=True):
                network = builder.build(seed, device)
                training = train_briefly(
                    settings.train.model_copy(update={"grad_clip_norm": limit}), network, splits.train, steps=steps,
                    class_weights=class_weights(settings.train, splits, splits.train), seed=seed,
                    after_step=shown.update,
                )  # fmt: skip
                trainings[name, clipping] = training
                panel.curves[name] = curve(network) if training.diverged_at is None else no_curve(len(counts))
    title = f"{' or '.join(map(str, depths))} layer{'s' * (depths != [1])}, one direction, read at the last step"
    about = [
        f"Fresh networks, {title}; {steps} steps of training, from the same weights, with and without clipping. The "
        f"other keys are those of the config, but for architecture and cell, and without n-grams, narrow vectors, "
        f"linear model and adversarial training.",
        MEASURED,
    ]
    result = Gradients(f"{title}; {steps} steps of training", about, panels, counts, trainings)
    write_gradients(output, result)
    log.info("written to %s", output)
    return result


def one_direction(config: Config, cell: str, layers: int) -> Config:
    """The config with a network in which k steps lie between an input and the loss, and with plain training."""
    model = {
        "architecture": "textrnn", "cell": "rnn" if cell == "rnn-relu" else cell, "num_layers": layers,
        "nonlinearity": "relu" if cell == "rnn-relu" else "tanh", "bidirectional": False, "pooling": "last",
        "rare_dim": None, "ngrams": 1, "linear": "none",
    }  # fmt: skip
    train = {"adversarial_norm": None, "precision": "float32", "patience": None}
    return config.replaced(model=model, train=train)
