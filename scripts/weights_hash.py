"""`python scripts/weights_hash.py CONFIG...`: a hash of the weights after 50 optimizer steps of each config.

A change that only moves code must not change any line of the output. The script relies only on the command line of
textrnn, so it also runs on an older commit:

    git worktree add /tmp/before HEAD~1
    PYTHONPATH=/tmp/before python scripts/weights_hash.py /tmp/before/configs/*.yaml > before
    PYTHONPATH=$PWD python scripts/weights_hash.py configs/*.yaml | diff before -

Run it in the folder that the paths in the configs are relative to.
"""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from textrnn.cli import main as textrnn

STEPS = 50
# the values the command sets before it loads torch: they decide how layers are split among threads and how sums round
ENVIRONMENT = {"GOMP_SPINCOUNT": "1000", "THP_MEM_ALLOC_ENABLE": "1"}


def main(configs: list[str]) -> None:
    for config in configs:
        command = [sys.executable, __file__, "--one", config]
        result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ENVIRONMENT})
        last = (result.stdout.strip() or result.stderr.strip() or "no output").splitlines()[-1]
        print(f"{Path(config).stem}\t{last}", flush=True)


def hash_weights(config: str) -> None:
    """Train in this process and print the hash of the weights."""
    steps = count(1)

    def stop(optimizer: Any, *_: Any) -> None:
        if next(steps) == STEPS:
            print(weights_hash(optimizer), flush=True)
            raise KeyboardInterrupt

    register_optimizer_step_post_hook(stop)
    with tempfile.TemporaryDirectory() as folder:
        files = ["--run-dir", f"{folder}/run", "--set", f"data.cache_dir={folder}/cache"]
        sys.argv = ["textrnn", "train", "--config", config, "--device", "cpu", *files]
        textrnn()


def weights_hash(optimizer: Any) -> str:
    """Hash all tensors, in order and without their names, of the largest module that contains the optimizer's
    parameters, which is the whole model."""
    parameter = optimizer.param_groups[0]["params"][0]
    modules = [item for item in gc.get_objects() if isinstance(item, torch.nn.Module)]
    holders = [module for module in modules if any(parameter is own for own in module.parameters())]
    model = max(holders, key=lambda module: len(module.state_dict()))
    total = hashlib.sha256()
    for tensor in model.state_dict().values():
        total.update(tensor.detach().contiguous().numpy().tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        hash_weights(sys.argv[2])
    else:
        main(sys.argv[1:])
