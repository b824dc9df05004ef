"""`textrnn train`: from a config to a run's folder with the best model in it."""

from __future__ import annotations

from contextlib import nullcontext

from textrnn.commands.data import RawTexts, input_files, pretrained_vectors, read_data, warn_of_faults
from textrnn.commands.describe import describe_model, describe_training, title_of
from textrnn.commands.output import check_run_dir
from textrnn.commands.start import open_run, where_to_start
from textrnn.config import Config
from textrnn.corpus.build import build_sources, other_files, with_absolute_paths
from textrnn.run.environment import describe_environment
from textrnn.run.folder import RunFolder
from textrnn.run.model import save_description
from textrnn.runtime.device import allow_tf32, training_device
from textrnn.runtime.distributed import broadcast_from_rank0, is_first, one_by_machine, world_size
from textrnn.runtime.files import sha256_of
from textrnn.runtime.progress import log_file
from textrnn.runtime.signals import StopRequest
from textrnn.texts.transform import Transform
from textrnn.training.linear import rows_to_read
from textrnn.training.networks import Training
from textrnn.training.plan import NetworkBuilder, plan
from textrnn.training.recorder import Recorder

STOPPING = "stopping after this step, then saving the training state; Ctrl-C again stops at once, without saving"


def train(config: Config, run: RunFolder, *, resume: bool, force: bool, device_name: str) -> None:
    """Train as `config` says, into `run`. Raises TextRNNError, and Interrupted once the state is saved."""
    config = with_absolute_paths(config)
    with log_file(run.log) as begin_log:
        start = broadcast_from_rank0(lambda: where_to_start(config, run, resume=resume, force=force))
        if start is None:
            return
        sources, is_new = build_sources(config), start.before is None
        if is_new:
            check_run_dir(run, input_files(config, sources, None))
        device = training_device(device_name)
        allow_tf32(config.train.tf32)
        with one_by_machine():  # the first process tokenizes, the others find the corpus in the cache
            data = read_data(config, sources)
        splits = data.splits
        raw = RawTexts(data, rows_to_read(config, splits))
        if is_first():
            warn_of_faults(config, data, raw if is_new else None)
        parts = plan(splits, config.train.seed)
        environment = describe_environment(device)
        describe_training(config, splits, parts, device, environment)
        builder = NetworkBuilder(config, splits, pretrained_vectors(config, splits))
        network = builder.build(parts[0].seed, device)
        describe_model(config, network, splits, parts)
        digests = splits.digests | {key: sha256_of(path) for key, path in other_files(config).items()}
        recorder = Recorder(
            run, splits.held_out, mix=config.model.linear == "mix", title=title_of(config, splits),
            monitor=config.train.monitor, save_minutes=config.train.save_minutes,
        )  # fmt: skip
        stop = StopRequest(grace_seconds=3.0 if world_size() > 1 else 0.0, notice=STOPPING if is_first() else "")
        with run.locked() if is_first() else nullcontext():
            if is_first():
                may_replace = force or (resume and not run.is_trained())
                open_run(start, config, run, parts, environment, digests, force=may_replace)
                # also for a resumed run, whose files may have been damaged
                transform = Transform(data.tokenizer, splits.vocab, config.data.max_length)
                dim = network.embedding.table.embedding_dim
                save_description(run.model, transform, splits.labels, config, dim, splits.format, splits.class_shares)
                begin_log()
            margins = broadcast_from_rank0(lambda: recorder.fit_linear(config, splits, raw))
            raw.texts.clear()
            if not is_new:
                recorder.load_best(network, len(parts), start.begun)
            with stop:
                Training(config, splits, parts, margins, recorder, device, stop).run(builder, network)
