"""`python -m scripts.docs`: write every generated page of docs/ anew."""

from __future__ import annotations

from pathlib import Path

from scripts.docs import commands

ROOT = Path(__file__).resolve().parents[2]
GENERATORS = [commands.pages]  # each returns texts by their paths in the repository


def pages() -> dict[str, str]:
    return {path: text for generate in GENERATORS for path, text in generate().items()}


def main() -> None:
    for path, text in pages().items():
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
