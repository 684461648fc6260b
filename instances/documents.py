"""JSON text to a dict, safely: every way the text can be broken is a finding."""

from __future__ import annotations

import codecs
import json
from typing import Any

from instances.findings import InvalidInstance, Said, error

UTF16_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
DEPTH_LIMIT = 100  # the format itself nests 6 deep


class _Doubled(dict[str, Any]):
    """An object in which a key occurs twice; ``keys_twice`` names them."""

    keys_twice: list[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    doubled = _Doubled(made)
    seen: set[str] = set()
    doubled.keys_twice = list(dict.fromkeys(k for k, _ in pairs if k in seen or seen.add(k)))  # type: ignore[func-returns-value]
    return doubled


def parse(data: bytes, what: str = "the file") -> dict[str, Any]:
    """The JSON object in some bytes. Raises InvalidInstance: as `parse_value` does, or with ``not-an-object``."""
    value = parse_value(data, what)
    if not isinstance(value, dict):
        raise InvalidInstance([error("not-an-object", what, Said(kind_of(value)), "an object with the field `format`")])
    return value


def parse_value(data: bytes, what: str = "the file") -> Any:
    """The JSON in some bytes (UTF-8, no byte order mark).

    Raises InvalidInstance with a code of ``empty``, ``encoding``, ``byte-order-mark``, ``json``, ``nesting`` or
    ``duplicate-key``.
    """
    text = _decode(data, what)
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as e:
        raise InvalidInstance([_syntax(e, text, what)]) from None
    except RecursionError:
        found = Said("objects or lists nested too deep to read")
        raise InvalidInstance([error("nesting", what, found, f"at most {DEPTH_LIMIT} levels")]) from None
    except ValueError:  # the interpreter refuses to convert integers of several thousand digits
        found = Said("an integer of thousands of digits")
        raise InvalidInstance([error("number-range", what, found, "a finite number")]) from None
    doubled, deep = _inspect(value) if isinstance(value, (dict, list)) else ([], "")
    if deep:
        raise InvalidInstance([error("nesting", deep, Said("more levels"), f"at most {DEPTH_LIMIT} levels")])
    if doubled:
        expected = "each key once in an object"
        raise InvalidInstance([error("duplicate-key", path, key, expected) for path, key in doubled])
    return value


def kind_of(value: Any) -> str:
    """The JSON kind of a value, with its article."""
    if value is None:
        return "null"
    kinds = ((bool, "true or false"), (int, "a number"), (float, "a number"), (str, "text"), (list, "a list"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "an object")


def _decode(data: bytes, what: str) -> str:
    if not data.strip():
        raise InvalidInstance([error("empty", what, Said("an empty file"), "a JSON object")])
    if data.startswith(UTF16_32) or b"\x00" in data[:4]:
        raise InvalidInstance([error("encoding", what, Said("UTF-16 or UTF-32 text"), "UTF-8", "save it as UTF-8")])
    if data.startswith(codecs.BOM_UTF8):
        found = Said("a byte order mark")
        raise InvalidInstance([error("byte-order-mark", what, found, "UTF-8 without a mark", "save it as plain UTF-8")])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        found = Said(f"the byte 0x{data[e.start]:02x} at position {e.start}")
        raise InvalidInstance([error("encoding", what, found, "UTF-8 text", "save it as UTF-8")]) from None


def _syntax(e: json.JSONDecodeError, text: str, what: str) -> Any:
    place = f"line {e.lineno}, column {e.colno}"
    if e.msg == "Extra data":
        return error("json", what, Said(f"more text after the end of the object ({place})"), "one JSON object")
    if not text[e.pos :].strip():
        return error("json", what, Said(f"the end of the file ({place}: {e.msg})"), "complete JSON", "is it truncated?")
    return error("json", what, Said(f"broken JSON at {place}"), e.msg)


def _inspect(value: Any) -> tuple[list[tuple[str, str]], str]:
    """Duplicate keys as (path, key), and the path of the first place that is nested too deep."""
    doubled: list[tuple[str, str]] = []
    stack: list[tuple[Any, str, int]] = [(value, "", 0)]
    while stack:
        place, path, depth = stack.pop()
        if depth > DEPTH_LIMIT:
            return doubled, path[:60]
        if isinstance(place, _Doubled):
            doubled.extend((path, key) for key in place.keys_twice)
        if isinstance(place, dict):
            inner = [(v, key) for key, v in place.items() if isinstance(v, (dict, list))]
            stack.extend((v, step(path, key), depth + 1) for v, key in reversed(inner))
        elif place and not isinstance(place[0], (float, str)):  # a series or list of names holds nothing to inspect
            nested = [(v, i) for i, v in enumerate(place) if isinstance(v, (dict, list))]
            stack.extend((v, step(path, i), depth + 1) for v, i in reversed(nested))
    return doubled, ""


def step(path: str, key: str | int) -> str:
    """A path extended by a field name or a position, as one harmless line."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    plain = (
        key
        if key.isidentifier()
        else "[" + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in key)[:60] + "]"
    )
    return plain if not path else path + plain if plain.startswith("[") else f"{path}.{plain}"
