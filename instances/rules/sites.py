"""Hubs and policy: power usage effectiveness, carbon factors, counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from instances.columnar import Floats, Ints, Series
from instances.findings import Finding, Said, each, error, warning
from instances.instance import CLOSED, Instance
from instances.rules import extremes

MOST_MODULES = 1_000_000


def no_hubs(instance: Instance) -> Iterator[Finding]:
    """There is no hub."""
    if not len(instance.hubs):
        yield error("empty-list", "hubs", Said("no hubs"), "at least one")


def pue(instance: Instance) -> Iterator[Finding]:
    """Power usage effectiveness is below 1 or above 3."""
    series = instance.hubs.pue
    low, high, _, _ = extremes.Extremes(series.table).bounds(series.scale, series.row)

    def finding(i: int) -> Finding:
        value = low[i] if low[i] < 1.0 else high[i]
        hint = f"{value:g} looks like a percentage: write {value / 100:g}" if 100.0 <= value <= 300.0 else ""
        return error("pue", f"hubs[{i}].pue", value, "between 1 and 3", hint)

    yield from each((low < 1.0) | (high > 3.0), finding)


def negative_carbon(instance: Instance) -> Iterator[Finding]:
    """A carbon factor of a hub's grid or contract is negative and the hub does not say that this is meant."""
    hubs, contracts = instance.hubs, instance.hubs.contracts
    every = np.arange(len(hubs), dtype=np.int32)
    columns: list[tuple[Series, Ints, extremes.Path]] = [
        (getattr(hubs, field), every, partial("hubs[{1}].{0}".format, field)) for field in extremes.CARBON
    ]
    path = extremes.owned("hubs", contracts.hub, "contracts", "carbon_kg_per_kwh")
    columns.append((contracts.carbon_kg_per_kwh, contracts.hub, path))
    for series, owner, place in columns:
        low = extremes.Extremes(series.table).bounds(series.scale, series.row)[0]
        bad = (low < 0.0) & ~hubs.carbon_may_be_negative[owner]
        yield from each(bad, partial(_negative, place, low))


def _negative(place: extremes.Path, low: Floats, i: int) -> Finding:
    return error("negative", place(i), low[i], "at least 0", "if it is meant, set carbon_may_be_negative")


def counts(instance: Instance) -> Iterator[Finding]:
    """A number of modules is beyond a million."""
    hubs, links = instance.hubs.modules, instance.links.modules
    yield from _counts(hubs.max_count, extremes.owned("hubs", hubs.hub, "modules", "max_count"))
    yield from _counts(links.max_count, extremes.owned("links", links.link, "modules", "max_count"))


def _counts(most: Ints, path: extremes.Path) -> Iterator[Finding]:
    yield from each(most > MOST_MODULES, lambda j: error("number-range", path(j), most[j], f"at most {MOST_MODULES}"))


def open_hubs(instance: Instance) -> Iterator[Finding]:
    """Limits of the number of open hubs contradict one another; more are required than exist (warning)."""
    policy = instance.policy
    possible = int(np.count_nonzero(instance.hubs.status != CLOSED))
    if policy.open_hubs_min > policy.open_hubs_max:
        yield error(
            "contradiction", "policy.open_hubs.min", policy.open_hubs_min, f"at most `max` ({policy.open_hubs_max})"
        )
    elif policy.open_hubs_min > possible:
        yield warning(
            "too-few-hubs", "policy.open_hubs", policy.open_hubs_min, f"at most the {possible} hubs that can be open"
        )


def flat_series(instance: Instance) -> Iterator[Finding]:
    """A price or carbon series of a day or more never changes: a broken feed?"""
    if instance.time.count >= 24:
        for field in ("energy_price_per_kwh", *extremes.CARBON):
            yield from _flat_series(field, getattr(instance.hubs, field), len(instance.profiles))


def _flat_series(field: str, series: Series, profiles: int) -> Iterator[Finding]:
    own = np.flatnonzero(series.row >= profiles)
    values = series.table[series.row[own]]
    found, hint = Said("the same value in all periods"), "a number would say the same"
    yield from each(
        own[np.all(values == values[:, :1], axis=1)],
        lambda i: warning("flat-series", f"hubs[{i}].{field}", found, "values that vary", hint),
    )
