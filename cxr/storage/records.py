"""Plain data that becomes frozen dataclasses, strictly, and back; and what JSON Schema says of it.

A dataclass says of each field what it may be: by its type (text, numbers, tuples, maps, literals,
other dataclasses, or None) and by `Bounds` in an ``Annotated`` type. `decode` takes nothing else:
no unknown field, no text for a number, no number that is none. A field with a default may be
missing, unless its metadata says ``required``.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import reprlib
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["Bounds", "RecordError", "decode", "encode", "parse", "read_plain", "schema"]

T = TypeVar("T")
#: Longest text, and most entries of a list or a map, where the type does not say.
LONGEST = 10_000
MOST_BYTES = 4_000_000
#: Beyond this a float no longer tells integers apart.
LARGEST = 2**53
SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}
WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class RecordError(ValueError):
    """Plain data that is not what it should be; the message says in which field."""


@dataclass(frozen=True)
class Bounds:
    """The bounds of a value, in addition to its type: ``Annotated[float, Bounds(above=0)]``.

    Attributes
    ----------
    least, most : float or None
        Of a number, itself allowed.
    above, below : float or None
        The same, itself not allowed.
    longest : int
        Characters of a text, entries of a list or map.
    pattern : str
        Regular expression that a text must match as a whole.
    words : str
        What the pattern stands for, for people.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    longest: int = LONGEST
    pattern: str = ""
    words: str = ""

    def __str__(self) -> str:
        parts = [
            f"{word} {limit:g}"
            for word, limit in (
                ("at least", self.least),
                ("above", self.above),
                ("at most", self.most),
                ("below", self.below),
            )
            if limit is not None
        ]
        return " and ".join(parts) or self.words or f"at most {self.longest} long"

    def hold(self, value: Any) -> bool:
        """Return whether a value of the right type is within the bounds."""
        if isinstance(value, str):
            return len(value) <= self.longest and (
                not self.pattern or re.fullmatch(self.pattern, value) is not None
            )
        if isinstance(value, tuple | dict):
            return len(value) <= self.longest
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def schema(self, kind: str) -> dict[str, Any]:
        """Return the keywords of JSON Schema for a type of JSON."""
        if kind in ("integer", "number"):
            limits = {
                "minimum": self.least,
                "maximum": self.most,
                "exclusiveMinimum": self.above,
                "exclusiveMaximum": self.below,
            }
            return {key: limit for key, limit in limits.items() if limit is not None}
        words = {"string": "maxLength", "array": "maxItems", "object": "maxProperties"}
        rules: dict[str, Any] = {words[kind]: self.longest} if self.longest != LONGEST else {}
        return rules | ({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {})


#: A bundle's files stand in its own folder and nowhere else.
FileName = Annotated[
    str,
    Bounds(pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}", words="the name of a file in the bundle"),
]
Sha256 = Annotated[str, Bounds(pattern="[0-9a-f]{64}", words="a SHA-256 of 64 hexadecimal digits")]


def one_line(longest: int) -> Bounds:
    """Return the bounds of a name: one line, no path, no character that a database refuses."""
    pattern = rf"[^\s/\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{{0,{longest - 1}}}"
    return Bounds(
        pattern=pattern, words=f"a name of one line and at most {longest} letters, without slashes"
    )


def parse(content: bytes) -> Any:
    """Read JSON.

    Raises
    ------
    RecordError
        If it is too long, not JSON (which knows no NaN), or nested too deeply. The message lacks
        its subject: "is not JSON".
    """
    if len(content) > MOST_BYTES:
        raise RecordError(f"is longer than {MOST_BYTES // 10**6} MB")
    try:
        found = json.loads(content.decode("utf-8"), parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()  # no file takes half of a pair of surrogates
        return found
    except RecursionError as error:
        raise RecordError("is nested too deeply") from error
    except ValueError as error:
        raise RecordError("is not JSON") from error


def read_plain(path: Path) -> Any:
    """Read JSON from a file; RecordError as `parse`, OSError if it cannot be read."""
    with path.open("rb") as file:
        return parse(file.read(MOST_BYTES + 1))


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def decode(kind: type[T], value: object, where: str = "") -> T:
    """Make a value of a type out of plain data.

    Parameters
    ----------
    kind : type[T]
        A dataclass, or any type that a field may have.
    value : object
        As `json.loads` gives it. It is not changed.
    where : str, optional
        Name of the field, for the message.

    Returns
    -------
    object
        Of that type. Whole numbers become floats where the type is float.

    Raises
    ------
    RecordError
        If the value does not fit.
    """
    decoded: T = _decode(kind, value, where)
    return decoded


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        decoded = _decode(inner[0], value, where)
        if not all(bounds.hold(decoded) for bounds in _bounds(inner)):
            raise _wrong(where, " and ".join(map(str, _bounds(inner))), value)
        return decoded
    if kind in SCALARS:
        return _scalar(kind, value, where)
    if origin in (Union, types.UnionType):
        return _one_of(inner, value, where)
    if origin is Literal:
        if not any(type(value) is type(option) and value == option for option in inner):
            raise _wrong(where, f"one of {', '.join(map(repr, inner))}", value)
        return value
    if origin is tuple:
        return _tuple(inner, value, where)
    if origin is dict:
        return _map(inner[1], value, where)
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, where)
    raise TypeError(f"Expected a type of plain data. Received: {kind!r}")


def _scalar(kind: type, value: Any, where: str) -> Any:
    given = type(value)
    fits = given is kind or (kind is float and given is int)
    if not fits:
        raise _wrong(where, WORDS[kind], value)
    if kind is str and len(value) > LONGEST:
        raise _wrong(where, f"at most {LONGEST} characters", value)
    if given is float and not math.isfinite(value):
        raise _wrong(where, "a finite number", value)
    if given is int and abs(value) > LARGEST:
        raise _wrong(where, "a number of at most 15 digits", value)
    return kind(value)


def _one_of(options: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in options:
        return None
    rest = [option for option in options if option is not type(None)]
    if len(rest) == 1:
        return _decode(rest[0], value, where)
    if type(value) not in rest:
        raise _wrong(where, " or ".join(WORDS[option] for option in rest), value)
    return _scalar(type(value), value, where)


def _tuple(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) > LONGEST:
        raise _wrong(where, "a list", value)
    if inner[-1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(inner) != len(value):
        raise _wrong(where, f"a list of {len(inner)}", value)
    return tuple(
        _decode(kind, item, f"{where}[{i}]")
        for i, (kind, item) in enumerate(zip(inner, value, strict=True))
    )


def _map(kind: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > LONGEST:
        raise _wrong(where, "names with values", value)
    if not all(isinstance(name, str) and len(name) <= LONGEST for name in value):
        raise _wrong(where, "names that are texts", value)
    return {name: _decode(kind, item, _below(where, name)) for name, item in value.items()}


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "names with values", value)
    fields, hints = dataclasses.fields(kind), _hints(kind)
    names = {field.name for field in fields}
    if missing := [field.name for field in fields if _required(field) and field.name not in value]:
        raise RecordError(f"{where or 'it'} lacks {', '.join(sorted(missing))}")
    if unknown := [name for name in value if name not in names]:
        raise RecordError(f"{where or 'it'} has what is not known: {_short(unknown)}")
    given = {name: _decode(hints[name], item, _below(where, name)) for name, item in value.items()}
    try:
        return kind(**given)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise RecordError(f"{where}: {error}" if where else str(error)) from error


def _below(where: str, name: str) -> str:
    name = name if re.fullmatch(r"[\w-]{1,40}", name, re.ASCII) else _short(name)
    return f"{where}.{name}" if where else name


def _wrong(where: str, expected: str, value: Any) -> RecordError:
    return RecordError(f"{where or 'it'}: expected {expected}. Received: {_short(value)}")


def _short(value: Any) -> str:
    return reprlib.repr(value)


def _required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    bare = field.default is missing and field.default_factory is missing
    return bare or bool(field.metadata.get("required"))


def _bounds(inner: tuple[Any, ...]) -> list[Bounds]:
    return [item for item in inner[1:] if isinstance(item, Bounds)]


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def encode(value: Any) -> Any:
    """Turn a dataclass, and all that is in it, into plain data: tuples become lists."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    return value


def schema(kind: type) -> dict[str, Any]:
    """Describe the plain data of a dataclass, as JSON Schema 2020-12.

    Parameters
    ----------
    kind : type
        A dataclass. The first line of each one's docstring becomes its description.

    Returns
    -------
    dict
        The schema of each dataclass stands under ``$defs``.
    """
    known: dict[str, Any] = {}
    root = _schema(kind, known)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": dict(sorted(known.items())),
    }


def _schema(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        described = _schema(inner[0], known)
        for bounds in _bounds(inner):
            described |= bounds.schema(described["type"])
        return described
    if kind in SCALARS:
        return {"type": SCALARS[kind]}
    if kind is type(None):
        return {"type": "null"}
    if origin in (Union, types.UnionType):
        if all(option in SCALARS for option in inner):
            return {"type": sorted(SCALARS[option] for option in inner)}
        return {"anyOf": [_schema(option, known) for option in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return {"type": "array", "items": _schema(inner[0], known)}
        items = [_schema(item, known) for item in inner]
        return {
            "type": "array",
            "prefixItems": items,
            "items": False,
            "minItems": len(items),
            "maxItems": len(items),
        }
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inner[1], known)}
    if kind.__name__ not in known:
        known[kind.__name__] = {}  # so that it is not begun twice
        known[kind.__name__] = _record_schema(kind, known)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _record_schema(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    fields, hints = dataclasses.fields(kind), _hints(kind)
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip().splitlines()[0],
        "properties": {field.name: _schema(hints[field.name], known) for field in fields},
        "required": [field.name for field in fields if _required(field)],
        "additionalProperties": False,
    }
