"""A config as YAML for a person: the keys that matter, each with its meaning or the reason for its value."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from typing import Any

from textrnn.config import Config, description, to_yaml
from textrnn.runtime.terminal import visible

_COLUMNS = 100


def commented_yaml(
    config: Config, *, stated: Collection[str] = (), offered: Mapping[str, Any], reasons: Mapping[str, str]
) -> str:
    """The keys of a config that differ from the defaults of its preset, and `stated` ones; others that may be useful
    stand behind a `#`. Keys are named `section.key`.

    offered: the values of the latter. reasons: what stands above a key, in place of its description.
    """
    blocks = []
    if config.preset != "best":
        blocks.append(f"{comment(description('preset'))}preset: {config.preset}")
    for name, section in config.sections():
        entries = []
        for key, value in section:
            dotted, is_live = f"{name}.{key}", value != config.default(name, key)
            if is_live or dotted in stated or dotted in offered:
                is_live |= dotted in stated
                reason = reasons.get(dotted) or description(dotted)
                entry = to_yaml({key: value if is_live else offered[dotted]})
                entries.append(comment(reason) + ("" if is_live else textwrap.indent(entry, "#")) + entry * is_live)
        if entries:
            blocks.append(f"{name}:\n" + textwrap.indent("\n".join(entries), "  ").rstrip())
    return "\n\n".join(blocks) + "\n"


def comment(text: str) -> str:
    """The text as lines of a comment; nothing for an empty one."""
    lines = textwrap.wrap(visible(text), _COLUMNS, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)
