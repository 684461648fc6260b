"""Numbers as a reader wants them: rounded, with a unit of the right size, and never more digits than they deserve."""

from __future__ import annotations

import math

STEPS = {
    "kW": ((1.0, "kW"), (1e3, "MW"), (1e6, "GW")),
    "kWh": ((1.0, "kWh"), (1e3, "MWh"), (1e6, "GWh"), (1e9, "TWh")),
    "kg": ((1.0, "kg"), (1e3, "t"), (1e6, "kt"), (1e9, "Mt")),
    "": ((1.0, ""), (1e6, " m"), (1e9, " bn")),
}
LEAST = 1e-6  # per cent; smaller gaps are rounded up to it
DIGITS = 4  # significant ones of a rounded number
NOTHING = "–"  # noqa: RUF001  # a dash in place of a number


def number(value: float, digits: int = DIGITS) -> str:
    """A number with some significant digits, thousands apart; a dash where it is not finite."""
    if not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(decimals, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: float, unit: str) -> str:
    """A number with its unit, kW as MW and kg as t where that is shorter: ``12.3 MW``."""
    if not math.isfinite(value):
        return NOTHING
    steps = STEPS.get(unit, ((1.0, unit),))
    scale, name = next((s for s in reversed(steps) if abs(value) >= s[0]), steps[0])
    return f"{number(value / scale)} {name}".rstrip()


def money(currency: str, value: float) -> str:
    """Money in short, ``CNY 1.446 bn``."""
    if not math.isfinite(value):
        return NOTHING
    scale, name = next((s for s in reversed(STEPS[""]) if abs(value) >= s[0]), STEPS[""][0])
    return f"{currency} {number(value / scale)}{name}"


def exact_money(currency: str, value: float) -> str:
    """Money to the hundredth."""
    return f"{currency} {value:,.2f}" if math.isfinite(value) else NOTHING


def percent(value: float, digits: int = 1) -> str:
    """A fraction in per cent."""
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else NOTHING


def gap(value: float) -> str:
    """A small fraction in per cent with two significant digits: ``0.0019 %``; rounded up, as a promise has to be."""
    if not math.isfinite(value):
        return NOTHING
    if value <= 0:
        return "0 %"
    part = max(100 * value, LEAST)
    step = 10.0 ** (math.floor(math.log10(part)) - 1)
    rounded = math.ceil(part / step - 1e-9) * step
    return f"{rounded:.{max(0, 1 - math.floor(math.log10(rounded) + 1e-12))}f} %"


def counted(size: int, noun: str) -> str:
    """``1 hub``, ``41 hubs``."""
    return f"{size:,} {noun}{'' if size == 1 else 's'}"
