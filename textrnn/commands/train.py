"""`textrnn train`: from a config to a run's folder with the best model in it."""

from __future__ import annotations

from contextlib import nullcontext

from textrnn.commands.data import RawTexts, input_files, pretrained_vectors, read_data, warn_of_faults
from textrnn.commands.describe import describe_model, describe_training, title_of
from textrnn.commands.output import check_run_dir
from textrnn.commands.start import warn_of_differences, warn_of_more_epochs, where_to_start
from textrnn.config import Config
from textrnn.corpus.build import build_sources, other_files, with_absolute_paths
from textrnn.run.environment import describe_environment
from textrnn.run.folder import RunFolder
from textrnn.run.held_out import save_train_hashes
from textrnn.run.model import save_description
from textrnn.runtime.device import allow_tf32, training_device
from textrnn.runtime.distributed import broadcast_from_rank0, is_first, one_by_machine, world_size
from textrnn.runtime.files import sha256_of, write_text
from textrnn.runtime.progress import log, log_file
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.texts.transform import Transform
from textrnn.training.best import BestNetworks
from textrnn.training.closing import close_run
from textrnn.training.interruptible import train_part
from textrnn.training.linear import rows_to_read
from textrnn.training.linear_stage import linear_margins
from textrnn.training.plan import NetworkBuilder, plan
from textrnn.training.recorder import plot_history

STOPPING = "stopping after this step, then saving the training state; Ctrl-C again stops at once, without saving"


def train(config: Config, run: RunFolder, *, resume: bool, force: bool, device_name: str) -> None:
    """Train as `config` says, into `run`. Raises TextRNNError, and Interrupted once the state is saved."""
    config = with_absolute_paths(config)
    settings = config.train
    with log_file(run.log) as begin_log:
        start = broadcast_from_rank0(lambda: where_to_start(config, run, resume=resume, force=force))
        if start == "complete":
            return
        sources = build_sources(config)
        if start == "new":
            check_run_dir(run, input_files(config, sources, None))
        device = training_device(device_name)
        allow_tf32(settings.tf32)
        with one_by_machine():  # the first process tokenizes, the others find the corpus in the cache
            data = read_data(config, sources)
        splits, raw = data.splits, RawTexts(data, rows_to_read(config, data.splits))
        if is_first():
            warn_of_faults(config, data, raw if start == "new" else None)
        parts = plan(splits, settings.seed)
        environment = describe_environment(device)
        describe_training(config, splits, parts, device, environment)

        builder = NetworkBuilder(config, splits, pretrained_vectors(config, splits))
        network = builder.build(parts[0].seed, device)
        describe_model(config, network, splits, parts)
        name = title_of(config, splits)
        digests = splits.digests | {key: sha256_of(path) for key, path in other_files(config).items()}
        stop = StopRequest(
            grace_seconds=3.0 if world_size() > 1 else 0.0, notice=STOPPING if is_first() else "",
        )  # fmt: skip
        with run.locked() if is_first() else nullcontext():
            if is_first():
                if start == "resume":
                    run.clear_leftovers()
                    warn_of_differences(run, environment, digests)
                    warn_of_more_epochs(settings, run, parts)
                    write_text(run.config, config.to_yaml())  # epochs may have been added
                else:
                    # again: another process may have trained it before the folder was locked
                    run.check_free(force=force or (resume and not run.is_trained()))
                    if run.evaluations.exists():
                        log.info("starting over in place of an older run: %s goes, too", run.evaluations)
                    run.create(config, environment, digests)
                # of a resumed run, too: the files may have been damaged since
                transform = Transform(data.tokenizer, splits.vocab, config.data.max_length)
                dim = network.embedding.table.embedding_dim
                save_description(run.model, transform, splits.labels, config, dim, splits.format, splits.class_shares)
                begin_log()
            margins, has_linear = broadcast_from_rank0(lambda: linear_margins(config, splits, run, raw))
            raw.texts.clear()
            best = BestNetworks(run, linear=has_linear, mix=config.model.linear == "mix")
            if is_first():
                save_train_hashes(run, splits.fitted_hashes(with_dev=has_linear))
            if start == "resume":
                best.load(network, len(parts))
            try:
                with stop:
                    for number, part in enumerate(parts, start=1):
                        network = network if number == 1 else builder.build(part.seed, device)
                        fold = number if len(parts) > 1 else None
                        state = train_part(
                            config, run, network, part, fold, part.own(margins), best, len(splits.labels),
                            device=device, stop=stop,
                        )  # fmt: skip
                    close_run(
                        run, network, parts, margins, best, splits.held_out, len(splits.labels), device=device,
                        stop=stop,
                    )  # fmt: skip
            except Interrupted:
                if is_first():
                    plot_history(run, name)
                raise
            if is_first():
                plot_history(run, name)
        if len(parts) == 1:
            score = "" if state.best is None else f", {settings.monitor} {state.best:.4f}"
            log.info("best model: epoch %d%s; evaluate it with: %s", state.best_epoch, score, run.eval_command())
        else:
            log.info("evaluate the model with: %s", run.eval_command())
