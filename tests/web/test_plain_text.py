from __future__ import annotations

import re

import pandas as pd
import pytest

from cxr.plain_text import visible
from cxr.web.plain_text import code_span, plain, plain_cells, plain_json, plain_table

HOSTILE = [
    "![x](http://127.0.0.1:9/a.png)",
    "[click](javascript:alert(3))",
    "<img src=x onerror=alert(1)>",
    "$\\frac{x}{y}$ and $$z$$",
    ":red[red] :blue-background[b] :material/home: :material_home: :streamlit: :smile:",
    "**bold** _it_ ~~gone~~ `code` # head",
    "# head",
    "- item",
    "1. item",
    "> quote",
    "    code",
    "---",
    "| a | b |",
    "http://a.b www.a.b me@a.b",
    "a -> b <- c <-> d -- e >= f <= g ~= h",
    "&lt;b&gt; &#36;x&#36;",
    "[^1] [x]: http://a.b",
    "a\nb\r\nc",
    "\u202egnp.exe",
]


def shown(markdown: str) -> str:
    """What is left of Markdown in which nothing but backslashes and entities mean anything."""
    text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown.replace("&nbsp;", " "))
    return text.replace("\u2060", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_every_sign_that_may_mean_something_is_escaped(text):
    escaped = plain(text)
    assert shown(escaped) == visible(text)
    bare = re.sub(r"\\.", "x", escaped.replace("&nbsp;", ""))
    assert not re.search(r"[`*<>\[\]{}$~|&]|:[a-z]|^[-+#=]|^\d+[.)]|\b_|_\b", bare)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "http://a",
            "https://a",
            "www.a.b",
            "me@a.b",
            ":material_home:",
            ":streamlit:",
            ":smile:",
        ),
        *("->", "a -> b", "<- b", "a <-> b", "a -- b", ">= 1", "a ~= b"),
    ],
)
def test_what_streamlit_looks_for_after_markdown_is_broken_up(text):
    assert "\u2060" in plain(text)


@pytest.mark.parametrize(
    "text", ["IM-0001-0001.png", "a--b", "12:30", "C:\\films", "Müller 胸部", "5"]
)
def test_ordinary_names_have_nothing_hidden_in_them(text):
    assert "\u2060" not in plain(text)


@pytest.mark.parametrize("text", ["cxr audit a", "a`b", "``", "$x$ **b**", "a\nb"])
def test_code_ends_where_it_should(text):
    fence = re.match("`+", code_span(text))[0]
    inside = code_span(text)[len(fence) : -len(fence)]
    assert inside.strip() == visible(text)
    assert len(fence) > max(map(len, re.findall("`+", visible(text))), default=0)


def test_tables():
    table = pd.DataFrame({"path": ["=1+1", "![x](y)"], "score": [-0.5, 0.5]}, index=["=a", "b"])
    safe = plain_table(table)
    assert list(safe["path"]) == ["'=1+1", "![x](y)"]
    assert list(safe["score"]) == [-0.5, 0.5]
    assert list(safe.index) == ["'=a", "b"]
    assert list(plain_cells(table)["path"]) == [plain("=1+1"), plain("![x](y)")]


def test_json():
    value = {"a\u202e": ["b\u202e", 1.5, None, {"c": True}]}
    assert plain_json(value) == {"a\\u202e": ["b\\u202e", 1.5, None, {"c": True}]}
