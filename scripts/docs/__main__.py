"""`python -m scripts.docs`: renew the pages and the schema that are made from the code, and print the changed ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scripts.docs import commands, config, schema

ROOT = Path(__file__).parents[2]
# Each returns the content of its files by their path from the root.
GENERATORS: list[Callable[[], dict[str, str]]] = [config.pages, commands.pages, schema.files]


def generated() -> dict[str, str]:
    """The content of every generated file, by its path from the root."""
    return {path: content for generate in GENERATORS for path, content in generate().items()}


def main() -> None:
    for name, content in generated().items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="\n")
            print(name)


if __name__ == "__main__":
    main()
