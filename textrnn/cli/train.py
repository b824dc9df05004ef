"""`textrnn train`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli import options
from textrnn.errors import CheckpointError, ConfigError, UsageError, command
from textrnn.runtime.distributed import is_first
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory


def train(
    config: options.Config = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    data: options.Data = None,
    unlabelled: Annotated[
        list[str] | None,
        options.option(metavar="FILE", help="{data.unlabelled} Short for --set data.unlabelled=FILE. Repeatable."),
    ] = None,
    run_dir: Annotated[
        Path | None, options.option(metavar="DIR", help="Folder of the run.  [default: runs/<name of config or data>]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run where it stopped.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start over, which deletes an existing run and its eval/ folder.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write losses and scores for TensorBoard into RUN/tensorboard.")
    ] = False,
    preset: options.Preset = None,
    seed: Annotated[int | None, options.option(metavar="N", help="{train.seed} Short for --set train.seed=N.")] = None,
    epochs: Annotated[
        int | None, options.option(metavar="N", help="{train.epochs} Short for --set train.epochs=N.")
    ] = None,
    batch_size: Annotated[
        int | None, options.option(metavar="N", help="{train.batch_size} Short for --set train.batch_size=N.")
    ] = None,
    minutes: Annotated[
        float | None, options.option(metavar="M", help="{train.minutes} Short for --set train.minutes=M.")
    ] = None,
    device: options.Device = "auto",
) -> None:
    """Train a model and save its best epoch in RUN/model.

    The best epoch is the one that scores best on held-out texts.

    Example: textrnn train --config configs/sample.yaml --epochs 5

    Example: textrnn train --data reviews.csv
    """
    begin = time.monotonic()
    if resume and force:
        raise UsageError("--resume continues a run, --force starts over: give one of them")
    overrides = options.parse_overrides(
        set_, text_column, label_column,
        values={
            "data.unlabelled": options.one_or_all(unlabelled), "train.seed": seed, "train.epochs": epochs,
            "train.batch_size": batch_size, "train.minutes": minutes,
        },
    )  # fmt: skip
    if tensorboard:
        overrides.insert(0, ("train.tensorboard", True))
    train_files = dict(overrides).get("data.train", data)
    if run_dir is None and (config is not None or train_files):
        run_dir = Path("runs") / options.run_name(config, train_files)
    is_own = resume or (force and not train_files)  # a run knows its own config
    if is_own and run_dir is not None and config is None:
        if (run_dir / "config.yaml").is_file():
            config = run_dir / "config.yaml"
        elif not train_files:
            from textrnn.run.folder import similar_run

            raise CheckpointError(
                f"{run_dir}: no run is here (no config.yaml in it){similar_run(run_dir)}; start one with: "
                f"{command('train', '--data', 'FILE', '--run-dir', run_dir)}"
            )
    try:
        example = "textrnn train --data reviews.csv; or --resume with the --run-dir of a run"
        settings = options.load_config(config, data, overrides, preset, example=example)
    except ConfigError as error:
        is_of_file = any(line.startswith(f"{config}: ") for line in str(error).splitlines())
        if run_dir is None or config != run_dir / "config.yaml" or not is_of_file:
            raise
        if not (run_dir / "environment.json").exists():  # not a run
            raise
        hint = "the run is of another version, or its config was changed by hand"
        raise ConfigError(f"{error}\n{config}: {hint}; start a new one with --data or --config") from None
    run_dir = run_dir or Path("runs") / options.run_name(config, settings.data.train)
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.commands.train import train as run
    from textrnn.run.folder import RunFolder

    run(settings, RunFolder(run_dir), resume=resume, force=force, device_name=device, begin=begin)
    if is_first():
        print(run_dir)
