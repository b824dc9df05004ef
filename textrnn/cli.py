"""The command line: options in, a function called, errors out. Heavy imports wait until a command needs them."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from textrnn import __version__
from textrnn.errors import UsageError
from textrnn.runtime.distributed import alone, is_first, process_group
from textrnn.runtime.process import exit_on_error, prepare_process
from textrnn.runtime.progress import log_to_stderr

app = typer.Typer(
    name="textrnn",
    help="Train, judge and use recurrent text classifiers (TextRNN, RCNN) on text files.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Precision(str, enum.Enum):
    float32 = "float32"
    bfloat16 = "bfloat16"


class Split(str, enum.Enum):
    test = "test"
    dev = "dev"
    train = "train"


class InputFormat(str, enum.Enum):
    text = "text"
    tsv = "tsv"
    csv = "csv"
    jsonl = "jsonl"


class OutputFormat(str, enum.Enum):
    tsv = "tsv"
    jsonl = "jsonl"


def _overrides(options: list[str] | None) -> list[tuple[str, Any]]:
    from textrnn.config import parse_override

    try:
        return [parse_override(option) for option in options or []]
    except ValueError as error:
        raise UsageError(f"--set: {error}") from None


def _device(name: str) -> str:
    kind, _, index = name.partition(":")
    if name not in ("auto", "cpu", "cuda") and not (kind == "cuda" and index.isascii() and index.isdigit()):
        raise typer.BadParameter(f"auto, cpu, cuda or cuda:N was expected, found {name!r}")
    return name


ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="The YAML config.", show_default=False)]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="A.B=V", help="Change a config key, the value read as YAML. Repeatable.", show_default=False
    ),
]
DataOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        help="Labelled texts: short for --set data.train=FILE. Repeatable.",
        metavar="FILE",
        show_default=False,
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", callback=_device, help="auto, cpu, cuda or cuda:N.")]
PrecisionOption = Annotated[Precision, typer.Option("--precision", help="What matrix products are computed in.")]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run's folder, or the model/ in it.", show_default=False)
]


def _version(asked: bool) -> None:
    if asked:
        print(f"textrnn {__version__}")
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def _load_config(config: Path | None, data: list[str] | None, overrides: list[tuple[str, Any]]) -> Any:
    from textrnn.config import load_config

    train = [("data.train", data[0] if len(data) == 1 else data)] if data else []
    return load_config(config, train + overrides)


@app.command()
@exit_on_error()
@alone()
def vocab(
    config: ConfigOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write `token<TAB>count` lines.", show_default=False)
    ] = None,
) -> None:
    """Build the vocabulary from the training texts and say what is in it.

    Example: textrnn vocab --config configs/sample.yaml --output vocab.tsv
    """
    from textrnn.commands.vocab import vocab as run

    overrides = _overrides(set_)
    _need_data(config, data, overrides)
    for line in run(_load_config(config, data, overrides), output):
        print(line)


@app.command()
@exit_on_error()
@process_group()
def train(
    config: ConfigOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Where the run goes.  [default: runs/<config name>]", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start over in place of an existing run.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Train a model; the one that is best on dev is kept in RUN/model.

    Example: textrnn train --config configs/sample.yaml --set train.epochs=5

    Example: textrnn train --data reviews.csv
    """
    if resume and force:
        raise UsageError("--resume goes on with a run, --force starts over: give one of them")
    overrides = _overrides(set_)
    if resume and run_dir is not None and config is None and (run_dir / "config.yaml").is_file():
        config = run_dir / "config.yaml"  # a run knows its own config
    _need_data(config, data, overrides)
    settings = _load_config(config, data, overrides)
    if run_dir is None:
        run_dir = Path("runs") / _run_name(config, settings.data.train)
    from textrnn.commands.train import train as run
    from textrnn.run.folder import RunFolder

    run(settings, RunFolder(run_dir), resume=resume, force=force, device_name=device)
    if is_first():
        print(run_dir)


@app.command(name="eval")
@exit_on_error()
@alone()
def eval_(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="Labelled texts; without it, the run's own test file.", show_default=False
        ),
    ] = None,
    split: Annotated[
        Split | None, typer.Option(help="Which of the run's own texts.  [default: test]", show_default=False)
    ] = None,
    set_: SetOption = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where results go.  [default: RUN/eval/<data name>]", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print metrics.json instead of the report.")] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.float32,
) -> None:
    """Judge a model: classification report, confusion matrix, predictions.

    Example: textrnn eval runs/sample

    Example: textrnn eval runs/sample more.tsv --json
    """
    if data is not None and split is not None:
        raise UsageError("--split names a part of the run's own data; it does not go with DATA")
    overrides = _overrides(set_)
    from textrnn.commands.eval import evaluate
    from textrnn.evaluation.results import metrics_json

    report, metrics = evaluate(
        run, data, split=split.value if split else None, overrides=overrides, output=output, device=device,
        precision=precision.value,
    )  # fmt: skip
    sys.stdout.write(metrics_json(metrics) if json else report)


@app.command()
@exit_on_error()
@alone()
def predict(
    run: RunArgument,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE|-]...", help="Texts; - is stdin.", show_default=False)
    ] = None,
    format: Annotated[
        InputFormat | None,
        typer.Option(help="Of the files.  [default: by suffix, else text, one a line]", show_default=False),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(metavar="X", help="A name, or a 0-based number.  [default: the run's]", show_default=False),
    ] = None,
    encoding: Annotated[str, typer.Option(metavar="E", help="Of the files.")] = "utf-8",
    output: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write here, not to stdout.", show_default=False)
    ] = None,
    output_format: Annotated[OutputFormat, typer.Option(help="tsv: label, probability, text.")] = OutputFormat.tsv,
    top_k: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="jsonl: the K likeliest labels too.", show_default=False)
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Texts computed together.")] = 256,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.float32,
) -> None:
    """Predict the label of each text: one output row for each, in order.

    Example: textrnn predict runs/sample texts.txt > labels.tsv

    Example: echo "where is my parcel?" | textrnn predict runs/sample
    """
    if top_k is not None and output_format is OutputFormat.tsv:
        raise UsageError("--top-k needs --output-format jsonl")
    if not files and sys.stdin.isatty():
        raise UsageError("give a FILE, or pipe texts in")
    from textrnn.runtime.decoding import check_encoding

    try:
        check_encoding(encoding)
    except LookupError as error:
        raise UsageError(f"--encoding: {error.args[0]}") from None
    from textrnn.classifier import TextClassifier
    from textrnn.commands.predict import STDIN
    from textrnn.commands.predict import predict as run_predict

    run_predict(
        TextClassifier.load(run, device=device, precision=precision.value),
        files or [STDIN],
        output,
        format=format.value if format else None,
        text_column=_column(text_column),
        encoding=encoding,
        output_format=output_format.value,
        top_k=top_k,
        batch_size=batch_size,
    )


def _column(option: str | None) -> str | int | None:
    """A column's name, or its number where the option is one."""
    return int(option) if option is not None and option.isascii() and option.isdigit() else option


def _need_data(config: Path | None, data: list[str] | None, overrides: list[tuple[str, Any]]) -> None:
    if config is None and not data and not any(key == "data.train" for key, _ in overrides):
        raise UsageError("give --config FILE, --data FILE for a labelled file, or --resume with the --run-dir of a run")


def _run_name(config: Path | None, train_files: Any) -> str:
    """The config's name, or that of the first training file."""
    if config is not None:
        return config.stem
    first = train_files[0] if isinstance(train_files, list) else train_files or "train"
    from textrnn.runtime.files import data_name

    return data_name(first)


def main() -> None:
    """Entry point of `textrnn` and `python -m textrnn`."""
    prepare_process()
    log_to_stderr()
    app()
