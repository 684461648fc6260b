"""Units of feeds and what they are in the units of an instance; every conversion is said in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

POUND = 0.45359237  # kg, by definition
CARBON = {"g/kWh": 1e-3, "kg/MWh": 1e-3, "kg/kWh": 1.0, "t/MWh": 1.0, "lb/MWh": POUND / 1000.0}
POWER = {"kW": 1.0, "MW": 1e3, "GW": 1e6, "W": 1e-3}
PART = {"1": 1.0, "%": 0.01}
ENERGY = {"kWh": 1.0, "MWh": 1e-3}
SIGNS = {"\u20ac": "EUR", "\u00a3": "GBP"}  # a dollar or yen sign could be several currencies

MASS = re.compile(r"(g|kg|t|lbs?)\s*(?:co\s*[2\u2082])?\s*-?(?:eq?)?\s*(?:/|per)\s*([km]wh)", re.IGNORECASE)
MONEY = re.compile(r"([A-Za-z]{3}|[\u20ac\u00a3])\s*/\s*([km]wh)", re.IGNORECASE)


@dataclass(frozen=True)
class Conversion:
    """value in the instance = factor x value in the feed. words: how, such as `EUR/MWh x 0.001 = EUR/kWh`."""

    factor: float
    words: str


class WrongUnit(ValueError):
    """A unit that cannot be converted; the text says what is expected."""


def unit_of(text: str) -> str:
    """The unit in our own spelling, such as `g/kWh` for `gCO2eq/kWh`, `lb/MWh` for `lbs_co2_per_mwh`; or as it is."""
    text = text.strip()
    spaced = re.sub(r"[_\s]+", " ", text)
    mass = MASS.fullmatch(spaced)
    if mass is not None:
        return f"{mass[1].lower().removesuffix('s')}/{_energy(mass[2])}"
    money = MONEY.fullmatch(spaced)
    if money is not None:
        return f"{SIGNS.get(money[1], money[1].upper())}/{_energy(money[2])}"
    for name in (*POWER, *PART):
        if name.lower() == text.lower():
            return name
    return text


def _energy(text: str) -> str:
    return "kWh" if text.lower() == "kwh" else "MWh"


def conversion(unit: str, kind: str, currency: str, rates: Mapping[str, float]) -> Conversion:
    """From a unit to that of a kind of field: `price` (currency/kWh), `carbon` (kg/kWh), `power` (kW), `part` (1).

    rates: money of the instance for one unit of another currency. Raises WrongUnit.
    """
    unit = unit_of(unit)
    if kind == "price":
        return _price(unit, currency, rates)
    table, target = {"carbon": (CARBON, "kg/kWh"), "power": (POWER, "kW"), "part": (PART, "1")}[kind]
    if unit not in table:
        raise WrongUnit("one of " + ", ".join(table))
    return _said(unit, table[unit], target)


def _price(unit: str, currency: str, rates: Mapping[str, float]) -> Conversion:
    money, _, energy = unit.partition("/")
    if MONEY.fullmatch(unit) is None:
        raise WrongUnit(f"a currency per MWh or kWh, such as {currency}/MWh")
    factor, target = ENERGY[energy], f"{currency}/kWh"
    if money == currency.upper():
        return _said(unit, factor, target)
    if money not in rates:
        raise WrongUnit(f"a price in {currency}, or the rate: {currency} for one {money} (--rate {money}=...)")
    rate = rates[money]
    return Conversion(factor * rate, f"{unit} x {factor:g} x {rate:g} {currency} per {money} = {target}")


def _said(unit: str, factor: float, target: str) -> Conversion:
    return Conversion(factor, f"{unit} x {factor:.10g} = {target}" if factor != 1.0 or unit != target else target)
