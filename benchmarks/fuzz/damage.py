"""Inputs damaged by chance, the same ones for the same number."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Sequence
from typing import Any

__all__ = ["bytes_of", "chance", "plain_of", "text_of"]

#: Bytes that programs treat in a way of their own.
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, 0x20, 0x0A, 0x22, 0x2C)
#: Numbers that lengths, sizes and offsets go wrong at.
SIZES = (0, 1, 2, 7, 255, 256, 4096, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
LONGEST = 40
#: Values that a field of JSON should not have.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 0.5, 1e308, -1e-320, 2**53, 2**64, 10**400),
    *("", "a", "0", "NaN", "\0", "\ud800", "ä" * 300, "../../x", "=1+1", "9" * 5000),
    *([], {}, [[]], {"": {}}, [1, "a", None], [0.5] * 300),
)


def chance(family: str, number: int) -> random.Random:
    """Return where the damage of an input is drawn from."""
    return random.Random(f"{family} {number}")  # noqa: S311 - of damage


def bytes_of(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Return one of some files with 1 to 8 changes, few of them more often than many."""
    data = bytearray(rng.choice(seeds))
    for _ in range(min(8, 1 + int(rng.expovariate(0.6)))):
        _change(data, seeds, rng)
    return bytes(data)


def _change(data: bytearray, seeds: Sequence[bytes], rng: random.Random) -> None:
    # Heads of files are short and decide most: half of the changes are made there.
    most = len(data) if rng.random() < 0.5 else min(len(data), 512)
    at = rng.randrange(most + 1)
    length = rng.randint(1, LONGEST)
    match rng.randrange(10):
        case 0 if at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        case 1 if at < len(data):
            data[at] = rng.choice(EDGES)
        case 2 if at < len(data):
            data[at] = rng.randrange(256)
        case 3:
            number = (rng.choice(SIZES) + rng.choice((0, 0, 1, -1))) % 2**32
            form = rng.choice(("<H", ">H", "<I", ">I"))
            size = struct.calcsize(form)
            if at + size <= len(data):
                struct.pack_into(form, data, at, number % 2 ** (8 * size))
        case 4:
            del data[at : at + length]
        case 5:
            data[at:at] = rng.randbytes(length)
        case 6:
            data[at:at] = data[at : at + length] * rng.randint(1, 20)
        case 7:
            other = rng.choice(seeds)
            start = rng.randrange(len(other) + 1)
            data[at : at + length] = other[start : start + length]
        case 8 if rng.random() < 0.2:
            del data[at:]
        case _:
            if at + length <= len(data):
                data[at : at + length] = bytes(length)


def plain_of(value: Any, rng: random.Random) -> Any:
    """Return a changed copy of plain data: a value odd, missing, doubled, moved or deep."""
    copied = copy.deepcopy(value)
    for _ in range(min(6, 1 + int(rng.expovariate(0.8)))):
        places = list(_places(copied))
        if not places:
            return _odd(rng)
        holder, key = rng.choice(places)
        match rng.randrange(8):
            case 0:
                del holder[key]
            case 1:
                other, name = rng.choice(places)
                if name in other if isinstance(other, dict) else name < len(other):
                    holder[key] = copy.deepcopy(other[name])
            case 2 if isinstance(holder, dict):
                holder[rng.choice(("", "x", "kind", "file", "\0", "name"))] = _odd(rng)
            case 3 if isinstance(holder[key], int | float):
                holder[key] = _near(holder[key], rng)
            case 4:
                for _ in range(rng.choice((1, 3, 60))):
                    holder[key] = [holder[key]] if rng.random() < 0.5 else {"a": holder[key]}
            case 5 if isinstance(holder[key], str) and holder[key]:
                text = holder[key]
                at = rng.randrange(len(text))
                holder[key] = text[:at] + rng.choice(("", "\n", "/", "ä", "\0", text)) + text[at:]
            case _:
                holder[key] = _odd(rng)
    return copied


def _odd(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(ODD))


def _near(number: float, rng: random.Random) -> Any:
    near = (-number, 0, number + 1, number * 1000, number * 0.5 if abs(number) < 1e9 else 0.5)
    return rng.choice((*near, 1 - number, str(number), [number], 1e308, -1))


def _places(value: Any) -> Any:
    """Yield the holder and the key of all that is in plain data."""
    stack = [value]
    while stack:
        holder = stack.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            yield holder, key
            if isinstance(holder[key], dict | list) and holder[key]:
                stack.append(holder[key])


def text_of(seeds: Sequence[str], rng: random.Random) -> bytes:
    """Return a table as text with changed cells, lines and separators; at times its bytes too."""
    lines = [line.split(",") for line in rng.choice(seeds).split("\n")]
    for _ in range(min(6, 1 + int(rng.expovariate(0.8)))):
        row = rng.randrange(len(lines))
        column = rng.randrange(len(lines[row]) or 1)
        match rng.randrange(8):
            case 0:
                del lines[row][column : column + 1]
            case 1:
                lines[row].insert(column, rng.choice(("", "x", '"', "1e999", "nan", "-inf")))
            case 2:
                lines.insert(row, list(rng.choice(lines)))
            case 3 if len(lines) > 1:
                del lines[row]
            case 4:
                lines[0] = list(rng.choice(lines))
            case _:
                odd = rng.choice(ODD)
                text = odd if isinstance(odd, str) else json.dumps(odd)
                lines[row][column : column + 1] = [text]
    text = rng.choice((",", ",", ",", ";", "\t", "|")).join(
        rng.choice(("\n", "\n", "\r\n", "\r")).join(",".join(line) for line in lines).split(",")
    )
    code = rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"))
    data = text.encode(code, "replace")
    return bytes_of([data], rng) if rng.random() < 0.3 and data else data
