"""Plain data becomes what a dataclass says, or an error that names the field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest

from cxr.storage.records import Bounds, RecordError, decode, encode, parse, schema


@dataclass(frozen=True)
class Inner:
    """Something within."""

    share: Annotated[float, Bounds(least=0, most=1)]


@dataclass(frozen=True)
class Outer:
    """Something around it.

    With more to say.
    """

    name: Annotated[str, Bounds(pattern="[a-z]+", words="small letters")]
    count: Annotated[int, Bounds(above=0, below=10)]
    pair: tuple[float, float]
    inner: tuple[Inner, ...]
    by_name: dict[str, Inner]
    any_of: dict[str, bool | int | float | str]
    kind: Literal["a", 1] = field(default="a", metadata={"required": True})
    maybe: Inner | None = None
    texts: Annotated[tuple[str, ...], Bounds(longest=2)] = ()


PLAIN = {
    "name": "abc",
    "count": 3,
    "pair": [1, 2.5],
    "inner": [{"share": 0.5}, {"share": 1}],
    "by_name": {"x": {"share": 0}},
    "any_of": {"a": True, "b": 1, "c": 0.5, "d": "text"},
    "kind": 1,
    "maybe": None,
    "texts": ["one"],
}


def test_there_and_back():
    made = decode(Outer, PLAIN)
    assert made.inner == (Inner(0.5), Inner(1.0))
    assert type(made.pair[0]) is float
    assert type(made.any_of["a"]) is bool
    assert encode(made) == PLAIN
    assert decode(Outer, encode(made)) == made


def test_a_field_with_a_default_may_be_missing():
    plain = {key: value for key, value in PLAIN.items() if key not in ("maybe", "texts")}
    assert decode(Outer, plain).texts == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "ABC"}, "name: expected small letters. Received: 'ABC'"),
        ({"name": 3}, "name: expected a text. Received: 3"),
        ({"count": 0}, "count: expected above 0 and below 10"),
        ({"count": 10}, "count: expected above 0 and below 10"),
        ({"count": 2.0}, "count: expected a whole number"),
        ({"count": True}, "count: expected a whole number. Received: True"),
        ({"pair": [1]}, "pair: expected a list of 2"),
        ({"pair": [1, "2"]}, r"pair\[1\]: expected a number"),
        ({"pair": [1, float("inf")]}, r"pair\[1\]: expected a finite number"),
        ({"pair": [1, 10**30]}, r"pair\[1\]: expected a number of at most 15 digits"),
        ({"pair": "ab"}, "pair: expected a list"),
        ({"inner": [{"share": 2}]}, r"inner\[0\]\.share: expected at least 0 and at most 1"),
        ({"inner": [{"share": float("nan")}]}, r"inner\[0\]\.share"),
        ({"inner": [[]]}, r"inner\[0\]: expected names with values"),
        ({"by_name": {"x": {}}}, r"by_name\.x lacks share"),
        ({"by_name": {"x y\n": 1}}, r"by_name\.'x y\\n': expected names"),
        ({"any_of": {"a": []}}, r"any_of\.a: expected true or false or a whole number or"),
        ({"any_of": {"a": None}}, r"any_of\.a: expected"),
        ({"kind": True}, "kind: expected one of 'a', 1. Received: True"),
        ({"maybe": {"share": "x"}}, r"maybe\.share"),
        ({"texts": ["a", "b", "c"]}, "texts: expected at most 2 long"),
        ({"more": 1}, r"it has what is not known: \['more'\]"),
    ],
)
def test_says_what_is_wrong_and_where(change, words):
    with pytest.raises(RecordError, match=words):
        decode(Outer, PLAIN | change)


def test_a_message_stays_short():
    with pytest.raises(RecordError) as caught:
        decode(Outer, PLAIN | {"name": ["x" * 10_000] * 1000})
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("missing", ["name", "kind"])
def test_a_required_field_is_missing(missing):
    with pytest.raises(RecordError, match=f"it lacks {missing}"):
        decode(Outer, {key: value for key, value in PLAIN.items() if key != missing})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"Infinity", "is not JSON"),
        (b"[" * 10**5, "is nested too deeply"),
        (b" " * 5_000_000, "is longer than 4 MB"),
    ],
)
def test_parse_refuses(content, words):
    with pytest.raises(RecordError, match=words):
        parse(content)


def test_schema_says_the_same():
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    found = schema(Outer)
    validator.check_schema(found)
    check = validator(found)
    assert check.is_valid(encode(decode(Outer, PLAIN)))
    for change in (
        {"name": "ABC"},
        {"count": 10},
        {"pair": [1]},
        {"inner": [{"share": 2}]},
        {"any_of": {"a": []}},
        {"kind": "b"},
        {"texts": ["a", "b", "c"]},
        {"more": 1},
    ):
        assert not check.is_valid(PLAIN | change), change
    assert found["$defs"]["Outer"]["description"] == "Something around it."
