"""`python -m scripts.theory TOPIC`: measure what a course on recurrent networks teaches, in under a minute each.

Each topic prints a table to stdout. Run it from the project's root; it needs no download, since its data is made up.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time

import torch

TOPICS = {
    "bptt": "back-propagation through time by hand, beside autograd",
    "exploding": "the gradient over k steps as a power of the recurrent matrix's gain",
    "clipping": "when clipping the gradient helps, and when it changes nothing",
    "gates": "what gates do at the token to remember and at noise",
    "rcnn": "which words the contexts of an RCNN contain",
    "reading-order": "one direction and both, with the answer first, in the middle or last",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.theory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["topics:", *(f"  {name:<14} {about}" for name, about in TOPICS.items())]),
    )  # fmt: skip
    parser.add_argument("topic", choices=TOPICS, metavar="TOPIC")
    topic = parser.parse_args().topic
    torch.set_num_threads(1)  # these networks are too small for more
    begin = time.perf_counter()
    print(importlib.import_module(f"scripts.theory.{topic.replace('-', '_')}").report())
    print(f"{time.perf_counter() - begin:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
