"""Texts from files made harmless where they are shown: on a terminal, on a page, and in a spreadsheet."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet may take for the start of a formula


def plain(text: str) -> str:
    """Text as given, with control and direction characters escaped and line breaks kept as one space."""
    text = text.replace("\n", " ")
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def csv_text(text: str) -> str:
    """A text for a cell of a CSV file: one that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
