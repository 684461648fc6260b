"""Marks of a figure: SVG elements as safe text. Values are escaped; no mark carries a style, which the page forbids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup, escape

from instances.harmless import plain

WIDE_FROM, NARROW = 0x2E80, 0.56  # code point from which letters are as wide as high; width of the others


def tag(name: str, *inside: str, **attributes: Any) -> Markup:
    """An element; ``class_`` and ``data_tip`` become ``class`` and ``data-tip``, an attribute that is None is left
    out. Texts are escaped unless they are marks already."""
    given = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _said(value))
        for key, value in attributes.items()
        if value is not None
    )
    content = Markup("").join(text if isinstance(text, Markup) else escape(plain(text)) for text in inside)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), given, content)


def mark(name: str, tip: str, **attributes: Any) -> Markup:
    """A mark that can be pointed at and reached with the keyboard, with what it then says."""
    return tag(name, **attributes, role="img", tabindex=-1, aria_label=tip)


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else _short(value)
    return plain(str(value)) if isinstance(value, str) else str(value)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def path(points: Iterable[tuple[float, float]], *, closed: bool = False) -> str:
    """The data of a path through points."""
    text = "L".join(f"{_short(float(x))},{_short(float(y))}" for x, y in points)
    return f"M{text}Z" if closed else f"M{text}"


def width_of(text: str) -> float:
    """About how wide a text is, in heights of its letters."""
    return sum(1.0 if ord(letter) > WIDE_FROM else NARROW for letter in text)


def fitted(text: str, room: float) -> str:
    """A text cut to some heights of its letters."""
    if width_of(text) <= room:
        return text
    while text and width_of(text) > room - NARROW:
        text = text[:-1]
    return text.rstrip() + "…"


def picture(width: float, height: float, label: str, *inside: str, class_: str = "", **more: Any) -> Markup:
    """An SVG that fills its place, with a text in place of the picture for those who do not see it."""
    box = f"0 0 {_short(width)} {_short(height)}"
    return tag("svg", *inside, viewBox=box, role="group", aria_label=label, class_=class_ or None, **more)
