"""A hook of MkDocs for the notebook: its formulas become MathML, which browsers draw without a script or the network,
and its links to sections of other pages lead there."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_LITERAL = re.compile(r"(<(pre|script|style)\b.*?</\2>)", re.DOTALL)
_FORMULA = re.compile(r"(\$\$?)(.+?)\1", re.DOTALL)
_SECTION = re.compile(r'href="(?!https?:)([^"#]+)\.md#')


def on_post_page(output: str, page: Any, **_: Any) -> str:
    if not page.file.src_uri.endswith(".ipynb"):
        return output
    pieces = _LITERAL.split(output)  # text, literal, its tag, text, ...
    pieces[::3] = [_SECTION.sub(r'href="\1.html#', _FORMULA.sub(_mathml, text)) for text in pieces[::3]]
    del pieces[2::3]
    return "".join(pieces)


def _mathml(formula: re.Match[str]) -> str:
    return convert(html.unescape(formula[2]), display="block" if formula[1] == "$$" else "inline")
