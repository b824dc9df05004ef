"""`textrnn demo`."""

from __future__ import annotations

import sys

from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory
from textrnn.runtime.progress import log

NEXT = """next, with your own texts, for example reviews.csv with the columns text and label:
  textrnn init reviews.csv -o reviews.yaml
  textrnn train --config reviews.yaml
  textrnn eval runs/reviews
  textrnn predict runs/reviews new.csv"""


def demo() -> None:
    """Train, evaluate and use a model of the bundled sample.

    It takes less than a minute on two cores, writes to runs/demo, and replaces an earlier demo there.

    Example: textrnn demo
    """
    check_memory(TORCH_ADDRESS_SPACE)
    from textrnn.commands.demo import demo as run

    sys.stdout.write(run())
    sys.stdout.flush()
    log.info(NEXT)
