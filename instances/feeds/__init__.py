"""Feeds: prices, carbon factors and other series in the files that planners have on disk.

A reader is a function from text and a name to a `Feed` (UTC, one unit, gaps marked); `apply_feeds` puts feeds onto the
periods and fields of an instance. `docs/feeds.md` says how each layout is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from instances.feeds import carbon_aware, electricity_maps, entsoe, watttime, wide
from instances.feeds.applying import FIELDS, Fed, apply_feeds
from instances.feeds.feed import Feed
from instances.feeds.filling import Fill
from instances.files import read_bytes
from instances.findings import InvalidInstance, Said, error

__all__ = ["FIELDS", "READERS", "Fed", "Feed", "Fill", "apply_feeds", "layout_of", "read_feed"]

READERS: dict[str, Callable[..., Feed]] = {
    entsoe.NAME: entsoe.read,
    electricity_maps.DIRECT: electricity_maps.read_direct,
    electricity_maps.LIFE_CYCLE: electricity_maps.read_life_cycle,
    watttime.NAME: watttime.read,
    carbon_aware.NAME: carbon_aware.read,
    wide.NAME: wide.read,
}


def read_feed(
    path: str | os.PathLike[str], layout: str | None = None, *, unit: str | None = None, timezone: str | None = None
) -> Feed:
    """The feed in a file. layout: a name in READERS; None: told from the file's beginning. unit: of a wide table whose
    header states none. timezone: IANA name of times without offset. Raises InvalidInstance with all findings."""
    place = Path(path)
    try:
        text = read_bytes(place).decode("utf-8-sig")
    except UnicodeDecodeError as e:
        found = Said(f"the byte 0x{e.object[e.start]:02x} at position {e.start}")
        raise InvalidInstance([error("encoding", str(place), found, "UTF-8 text", "save it as UTF-8")]) from None
    name = layout or layout_of(text)
    if name not in READERS:
        raise InvalidInstance([error("unknown-format", str(place), name, "one of " + ", ".join(READERS))])
    return READERS[name](text, place.name, unit=unit, timezone=timezone)


def layout_of(text: str) -> str:
    """The layout that a text seems to have: a wide table, unless its beginning says something else."""
    head = text.lstrip("\ufeff \t\r\n")[:2000].lower()
    first = head.split("\n", 1)[0]
    if first.startswith(("{", "[")):
        return watttime.NAME if "point_time" in head or "signal_type" in head else carbon_aware.NAME
    if entsoe.TIME.match(first.lstrip('"')) is not None and "day-ahead price" in first:
        return entsoe.NAME
    if first.lstrip('"').startswith("datetime (utc)") and "zone id" in first:
        return electricity_maps.DIRECT
    return wide.NAME
