"""The numbers of a benchmark file in order, with the line of each one that is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instances.findings import Finding, InvalidInstance, Said, each, error

Floats = NDArray[np.float64]

MOST_PAIRS = 25_000_000  # demands x hubs; a cost per pair must be held in memory


class Numbers:
    """Reads numbers one group after the other. Raises InvalidInstance, with the line, where they do not fit."""

    def __init__(self, text: str) -> None:
        self._text = text
        tokens = text.split()
        try:
            if "_" in text:  # Python reads 1_000, the formats do not
                raise ValueError
            self._values: Floats = np.array(tokens, dtype=np.float64)
        except ValueError:
            raise InvalidInstance(self._findings([not _is_number(token) for token in tokens], "a number")) from None
        wrong = ~np.isfinite(self._values)
        if wrong.any():
            raise InvalidInstance(self._findings(wrong, "a finite number"))
        self._at = 0

    def take(self, count: int, what: str, *, least: float = -math.inf) -> Floats:
        """The next numbers, all at least ``least``."""
        left = len(self._values) - self._at
        if left < count:
            found = Said(f"the end of the file after {left} of {count} numbers")
            raise InvalidInstance([error("too-few-numbers", self._place(len(self._values)), found, what)])
        values = self._values[self._at : self._at + count]
        low = np.flatnonzero(values < least)
        if len(low):
            raise InvalidInstance(self._findings(self._at + low, f"{what} of at least {least:g}"))
        self._at += count
        return values

    def count(self, what: str, *, most: float = math.inf) -> int:
        """The next number as a count of at least 1."""
        at = self._at
        value = float(self.take(1, what)[0])
        if value != round(value) or not 1 <= value <= most:
            limit = "" if most == math.inf else f" to {most:g}"
            raise InvalidInstance(self._findings([at], f"{what}: a whole number from 1{limit or ' on'}"))
        return int(value)

    def counts(self, first: str, second: str) -> tuple[int, int]:
        """The next two numbers as counts whose product can be held in memory."""
        counted = self.count(first), self.count(second)
        self.limit(counted[0] * counted[1])
        return counted

    def limit(self, pairs: int) -> None:
        """Refuses more pairs of demand and hub than can be held in memory."""
        if pairs > MOST_PAIRS:
            found = Said(f"{pairs:.3g} pairs of demand and hub")
            raise InvalidInstance([error("number-range", self._place(0), found, f"at most {MOST_PAIRS} pairs")])

    def end(self) -> None:
        """Nothing may be left."""
        left = len(self._values) - self._at
        if left:
            found = Said(f"{left} more number{'s' if left > 1 else ''}")
            raise InvalidInstance([error("too-many-numbers", self._place(self._at), found, "the end of the file")])

    def _findings(self, positions: Any, expected: str) -> list[Finding]:
        tokens = self._text.split()
        return list(each(positions, lambda i: error("wrong-number", self._place(i), Said(tokens[i][:60]), expected)))

    def _place(self, position: int) -> str:
        """The line of the token at a position, or the last line."""
        seen = 0
        lines = self._text.splitlines() or [""]
        for number, line in enumerate(lines, start=1):
            seen += len(line.split())
            if position < seen:
                return f"line {number}"
        return f"line {len(lines)}"


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return "_" not in token
