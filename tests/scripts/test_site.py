"""The hook of the site: formulas and links of the notebook."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

PAGE = (
    "<p><em>$x_t &lt; 1$</em> and $$y = 2$$</p><pre>costs $5 or $6</pre><script>['$', '$']</script>"
    '<a href="explanation/theory.md#clipping">1</a><a href="https://example.org/a.md#b">2</a>'
)


def page(name: str) -> SimpleNamespace:
    return SimpleNamespace(file=SimpleNamespace(src_uri=name))


def test_formulas_outside_code_become_mathml_and_sections_are_found() -> None:
    pytest.importorskip("latex2mathml", reason="the site's packages are not installed: pip install .[docs]")
    from scripts.docs.site import on_post_page

    output = on_post_page(PAGE, page("course.ipynb"))
    assert output.count("<math") == 2 and 'display="block"' in output and "<mo>&#x0003C;</mo>" in output
    assert "<pre>costs $5 or $6</pre><script>['$', '$']</script>" in output
    assert 'href="explanation/theory.html#clipping"' in output and 'href="https://example.org/a.md#b"' in output
    assert on_post_page(PAGE, page("index.md")) == PAGE
