"""The hours an East-West instance covers, and the daily shapes laid over them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from instances.library.estimates import estimate

MONTH_DAYS = 31
HOURS_PER_MONTH = 730.0  # basis of prices per month
WEEKEND = (5, 6)


@dataclass(frozen=True)
class Calendar:
    """A representative run of days that starts on a Monday if there are seven; it stands for a month of 31 days."""

    season: str  # jul or oct, as in prices.csv
    days: int
    start: str

    @property
    def weight(self) -> float:
        """How often the run occurs in the month."""
        return MONTH_DAYS / self.days

    @property
    def months(self) -> float:
        """Length of the horizon in months of 730 hours."""
        return MONTH_DAYS * 24 / HOURS_PER_MONTH

    def repeat(self, day: list[float]) -> list[float]:
        """The same day again and again."""
        return day * self.days


def bell(peak_to_mean: float, peak_hour: int) -> list[float]:
    """24 hourly factors of mean 1 and the given peak: exp(k (cos(2 pi (h - peak_hour) / 24) - 1)), scaled to mean 1.

    k is the number for which the largest factor is ``peak_to_mean``. Rounded to 1e-6.
    """
    cosines = [math.cos(2 * math.pi * (h - peak_hour) / 24) - 1 for h in range(24)]

    def mean(k: float) -> float:
        return sum(math.exp(k * c) for c in cosines) / 24

    low, high = 0.0, 50.0
    for _ in range(100):
        k = (low + high) / 2
        low, high = (k, high) if mean(k) * peak_to_mean > 1 else (low, k)
    scale = mean(low)
    return [round(math.exp(low * c) / scale, 6) for c in cosines]


def class_profile(class_id: str, peak_to_mean: float, calendar: Calendar) -> list[float]:
    """Hourly factors of a workload class with mean 1: the bell, in a week times a weekday or weekend level."""
    day = bell(peak_to_mean, estimate("peak_hour")[class_id])
    if calendar.days == 1:
        return day
    weekend = estimate("weekend_factor")[class_id]
    weekday = (7 - 2 * weekend) / 5
    return [round(f * (weekend if d in WEEKEND else weekday), 6) for d in range(calendar.days) for f in day]


def sun(longitude: float) -> list[float]:
    """Sunshine by hour of Beijing time, mean 1: max(0, cos(pi (tau - 12) / 12)), tau the local solar time."""
    shape = [max(0.0, math.cos(math.pi * (h + 0.5 + (longitude - 120) / 15 - 12) / 12)) for h in range(24)]
    mean = sum(shape) / 24
    return [s / mean for s in shape]


def sunshine(longitude: float, calendar: Calendar) -> list[float]:
    """The sun over all hours of the calendar, in a week dimmed by the clouds of each day."""
    cloud = estimate("cloud") if calendar.days > 1 else (1.0,)
    return [s * cloud[d] for d in range(calendar.days) for s in sun(longitude)]
