"""Feeds onto an instance: which zone feeds which hub or profile, in which unit, on which periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from instances.build import freeze
from instances.columnar import Floats
from instances.feeds.feed import Feed, Track, moment
from instances.feeds.filling import WORDS, Fill, filled
from instances.feeds.resampling import Block, blocks_of, means
from instances.feeds.rewriting import with_hub_series, with_profiles
from instances.feeds.units import Conversion, WrongUnit, conversion
from instances.feeds.zones import Link, links
from instances.findings import Finding, InvalidInstance, Said, each, error, warning
from instances.instance import Instance, Origin
from instances.rules import judge, time

FIELDS = {
    "price": ("energy_price_per_kwh", "price"),
    "carbon": ("carbon_kg_per_kwh", "carbon"),
    "marginal": ("marginal_carbon_kg_per_kwh", "carbon"),
    "onsite": ("onsite_kw", "power"),
    "profile": ("profiles", "part"),
}
"""What a feed can be of: the field of hubs that it fills (or the profiles), and the kind of unit."""
NOISE = 1e-9  # magnitudes below are rounding of means, and not legal in an instance


@dataclass(frozen=True)
class Filled:
    """One series that was written. least, mean, most: in the unit of the field; note: unit, rate and filled hours."""

    field: str
    name: str
    zone: str
    feed: str
    least: float
    mean: float
    most: float
    note: str


@dataclass(frozen=True)
class Fed:
    """The instance with the series of the feeds; what was written; warnings."""

    instance: Instance
    written: tuple[Filled, ...]
    findings: tuple[Finding, ...]


@dataclass
class _Work:
    """What is collected while feeds are mapped: values by kind and position, what was written, and findings."""

    instance: Instance
    blocks: list[Block]
    rates: Mapping[str, float]
    fill: Fill | None
    findings: list[Finding] = field(default_factory=list)
    values: dict[str, dict[int, Floats]] = field(default_factory=dict)
    written: list[Filled] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)


def apply_feeds(
    instance: Instance,
    feeds: Sequence[tuple[str, Feed]],
    zones: Sequence[tuple[str, str]] = (),
    *,
    rates: Mapping[str, float] | None = None,
    fill: Fill | None = None,
    starts: Mapping[str, str] | None = None,
) -> Fed:
    """The instance with series from feeds, each a pair of what it is of (a name in FIELDS) and the feed.

    zones: pairs of a hub's (or profile's) name and the zone that feeds it, `*` for all hubs; without a pair the zone
    of its own name feeds it, or it keeps what it has. rates: money of the instance for one unit of another currency.
    fill: how gaps are filled; None: they are errors. starts: new starts of blocks by name, ISO 8601 with UTC offset, at
    which the feeds are read and which the instance gets. Raises InvalidInstance with all findings.
    """
    instance, wrong = _dated(instance, starts or {})
    wrong += [
        error("unknown-field", kind, kind, "one of " + ", ".join(FIELDS)) for kind, _ in feeds if kind not in FIELDS
    ]
    wrong += [f for f in (*time.timezone(instance), *time.starts(instance)) if f.severity == "error"]
    if wrong:
        raise InvalidInstance(wrong)
    work = _Work(instance, blocks_of(instance.time), rates or {}, fill)
    found, findings = links(instance, feeds, zones)
    work.findings += findings
    for (kind, feed), its in zip(feeds, found, strict=True):
        work.findings += feed.findings
        _feed(work, kind, feed, its)
    made = None if any(f.severity == "error" for f in work.findings) else _made(work)
    if made is not None:
        before = set(judge(instance))
        work.findings += [f for f in judge(made) if f not in before]
    if made is None or any(f.severity == "error" for f in work.findings):
        raise InvalidInstance(work.findings)
    return Fed(made, tuple(work.written), tuple(dict.fromkeys(work.findings)))


def _dated(instance: Instance, starts: Mapping[str, str]) -> tuple[Instance, list[Finding]]:
    names = instance.time.block_names
    wrong = [
        error("unknown-block", "starts", block, "the name of a block: " + ", ".join(names[:10]))
        for block in starts
        if block not in names
    ]
    start = tuple(starts.get(name, old) for name, old in zip(names, instance.time.block_start, strict=True))
    return replace(instance, time=replace(instance.time, block_start=start)), wrong


def _feed(work: _Work, kind: str, feed: Feed, its: Sequence[Link]) -> None:
    """The values of one feed at all hubs or profiles that it feeds."""
    column, unit = FIELDS[kind]
    try:
        change = conversion(feed.unit, unit, work.instance.currency, work.rates)
    except WrongUnit as wrong:
        work.findings.append(error("unit", feed.name, feed.unit, str(wrong)))
        return
    values = work.values.setdefault(kind, {})
    series: dict[int, tuple[Floats, str]] = {}
    for link in its:
        if link.zone not in series:
            series[link.zone] = _series(work, kind, feed, link.zone, change)
        value, note = series[link.zone]
        name = (work.instance.profiles if kind == "profile" else work.instance.hubs.names)[link.target]
        path = f"profiles.{name}" if kind == "profile" else f"hubs[{name}].{column}"
        if link.target in values:
            work.findings.append(error("contradiction", path, Said(f"{feed.name} and another feed"), "one feed"))
            continue
        if kind in ("carbon", "marginal") and not work.instance.hubs.carbon_may_be_negative[link.target]:
            _not_negative(work, feed, link.zone, f"{name} does not say carbon_may_be_negative")
        elif kind == "onsite":
            _not_negative(work, feed, link.zone, "output below zero")
        values[link.target] = value
        zone = feed.zones[link.zone]
        least, mean, most = float(value.min()), float(value.mean()), float(value.max())
        work.written.append(Filled(column, name, zone, feed.name, least, mean, most, note))
        work.origins.append(Origin(path, "reported", f"{feed.name} ({feed.layout}), zone {zone}", note))


def _series(work: _Work, kind: str, feed: Feed, zone: int, change: Conversion) -> tuple[Floats, str]:
    """(T,) values of a zone in the unit of the field, zeros where they are missing, and what was done to get them."""
    track, note = feed.tracks[zone], change.words
    gaps: list[tuple[float, float]] = []
    if work.fill is not None:
        track, gaps = filled(track, work.fill)
    value = np.zeros(work.instance.time.count)
    hours = 0.0
    for block in work.blocks:
        first, last = float(block.edges[0]), float(block.edges[-1])
        found = means(track, block.edges)
        value[block.first : block.first + len(found.value)] = np.nan_to_num(found.value)
        _missing(work, feed, zone, block, found.gaps)
        for start, end in gaps:
            begin, stop = max(start, first), min(end, last)
            if stop > begin and work.fill is not None:
                hours += (stop - begin) / 3600
                found_ = Said(f"no value of {feed.zones[zone]} from {moment(begin)} to {moment(stop)}")
                words = f"a value; filled by {WORDS[work.fill.rule]}"
                work.findings.append(warning("filled-gap", feed.name, found_, words))
    if hours and work.fill is not None:
        note += f"; {hours:g} h filled by {WORDS[work.fill.rule]}"
    value = value * change.factor
    return np.where(np.abs(value) < NOISE, 0.0, np.round(value, 12)), note


def _missing(work: _Work, feed: Feed, zone: int, block: Block, gaps: Sequence[tuple[float, float]]) -> None:
    """Findings about what a block needs and the feed does not have."""
    track, name = feed.tracks[zone], feed.zones[zone]
    last = float(np.nanmax(np.where(np.isnan(track.value), -np.inf, track.end)))
    empty = np.flatnonzero(np.isnan(track.value))

    def finding(i: int) -> Finding:
        start, end = gaps[i]
        if start >= last - 1e-6:
            words = Said(f"data of {name} that end at {moment(last)}" if np.isfinite(last) else f"no data of {name}")
            return error("stale-data", feed.name, words, f"data until {moment(end)}, the end of block {block.name}")
        at = empty[(track.start[empty] < end) & (track.end[empty] > start)]
        where = feed.at(int(track.line[at[0]])) if len(at) else feed.name
        found = Said(f"no value of {name} from {moment(start)} to {moment(end)}")
        return error(
            "missing-data", where, found, f"values for all of block {block.name}", "--fill says how to fill gaps"
        )

    work.findings += each(range(len(gaps)), finding)


def _not_negative(work: _Work, feed: Feed, zone: int, why: str) -> None:
    """Findings about negative values in the time that is read."""
    track: Track = feed.tracks[zone]
    read = np.zeros(len(track.value), dtype=np.bool_)
    for block in work.blocks:
        read |= (track.start < block.edges[-1]) & (track.end > block.edges[0])
    work.findings += each(
        read & (track.value < 0),
        lambda i: error("negative", feed.at(int(track.line[i])), track.value[i], "at least 0", why),
    )


def _made(work: _Work) -> Instance:
    """The instance with the values, and where they come from."""
    instance = work.instance
    if work.values.get("profile"):
        instance = with_profiles(instance, work.values["profile"])
    series = {FIELDS[kind][0]: values for kind, values in work.values.items() if kind != "profile"}
    instance = with_hub_series(instance, series)
    paths = {origin.path for origin in work.origins}
    kept = tuple(origin for origin in instance.provenance if origin.path not in paths)
    made = replace(instance, provenance=(*kept, *work.origins))
    freeze(made)
    return made
