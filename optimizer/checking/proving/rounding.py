"""Sums in float64 with a bound of their rounding error.

Beside every value stands the sum of the magnitudes of its terms. A term that went through at most n roundings is wrong
by at most n u / (1 - n u) of its magnitude, u = 2^-53, whatever the order of the sums and with or without fused
operations (Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 3.1 and 4.2). So value - margin x
size lies below the exact number, where margin counts more roundings than any term goes through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNIT = 2.0**-53
TINY = 1e-290  # more than all underflows together


@dataclass
class Sums:
    """value, size: arrays of one shape; size is the sum of the magnitudes of what was summed."""

    value: Floats
    size: Floats

    @classmethod
    def zeros(cls, *shape: int) -> Sums:
        return cls(np.zeros(shape), np.zeros(shape))

    @classmethod
    def of(cls, value: Any) -> Sums:
        value = np.array(value, dtype=np.float64)
        return cls(value, np.abs(value))

    def add(self, other: Any) -> None:
        """Add numbers, or sums, of a shape that broadcasts to this one."""
        other = other if isinstance(other, Sums) else Sums.of(other)
        self.value += other.value
        self.size += other.size

    def put(self, where: Any, other: Any) -> None:
        """Add numbers, or sums, at places of the first axis, which may repeat."""
        other = other if isinstance(other, Sums) else Sums.of(other)
        np.add.at(self.value, where, other.value)
        np.add.at(self.size, where, other.size)

    def times(self, factor: Any) -> Sums:
        return Sums(self.value * factor, self.size * np.abs(factor))

    def over(self, weight: Floats) -> Sums:
        """Sum over the last axis, weighted."""
        return Sums(self.value @ weight, self.size @ np.abs(weight))

    def __getitem__(self, where: Any) -> Sums:
        return Sums(self.value[where], self.size[where])

    def least(self, margin: float) -> Floats:
        """What the exact numbers are not below."""
        return np.asarray(self.value - (margin * self.size + TINY))


def margin(terms: int) -> float:
    """Relative error of sums of at most so many terms, each a product of a few numbers or of such sums."""
    return 1.01 * (1024 + 8 * terms) * UNIT


def below(values: Floats, axis: int) -> Floats:
    """Numbers not above the exact sums over an axis of finite values."""
    error = 1.01 * (values.shape[axis] + 4) * UNIT * np.abs(values).sum(axis=axis)
    return np.asarray(values.sum(axis=axis) - (error + TINY))


def total(values: Any) -> float:
    """A number not above the exact sum; inf where a value is inf."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    if np.isposinf(flat).any():
        return math.inf
    return float(flat.sum() - (1.01 * (len(flat) + 4) * UNIT * np.abs(flat).sum() + TINY))
