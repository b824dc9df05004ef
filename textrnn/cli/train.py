"""`textrnn train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textrnn.cli import options
from textrnn.errors import CheckpointError, ConfigError, UsageError, command
from textrnn.runtime.distributed import is_first
from textrnn.runtime.process import FOR_TORCH, check_memory


def train(
    config: options.Config = None,
    text_column: options.TextColumn = None,
    label_column: options.LabelColumn = None,
    set_: options.Set = None,
    data: options.Data = None,
    run_dir: Annotated[
        Path | None, options.option(metavar="DIR", help="The run's folder.  [default: runs/<name of config or data>]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue where the run stopped.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start over in place of an existing run and its eval/.")
    ] = False,
    preset: options.Preset = None,
    device: options.Device = "auto",
) -> None:
    """Train a model; the best one on dev is kept in RUN/model.

    Example: textrnn train --config configs/sample.yaml --set train.epochs=5

    Example: textrnn train --data reviews.csv
    """
    if resume and force:
        raise UsageError("--resume continues a run, --force starts over: give one of them")
    overrides = options.parse_overrides(set_, text_column, label_column)
    train_files = dict(overrides).get("data.train", data)
    if run_dir is None and (config is not None or train_files):
        run_dir = Path("runs") / options.run_name(config, train_files)
    is_own = resume or (force and not train_files)  # a run knows its own config
    if is_own and run_dir is not None and config is None:
        if (run_dir / "config.yaml").is_file():
            config = run_dir / "config.yaml"
        elif not train_files:
            raise CheckpointError(
                f"{run_dir}: no run is here (no config.yaml in it); start one with: "
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
    check_memory(FOR_TORCH)
    from textrnn.commands.train import train as run
    from textrnn.run.folder import RunFolder

    run(settings, RunFolder(run_dir), resume=resume, force=force, device_name=device)
    if is_first():
        print(run_dir)
