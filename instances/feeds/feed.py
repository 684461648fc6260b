"""The neutral table that every feed becomes: rows of value over time by zone, in UTC and one stated unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from instances.columnar import Floats, Ints, Names
from instances.findings import Finding, InvalidInstance, Said, each, error, warning

Longs = NDArray[np.int64]
LISTED = 5  # findings of one kind about one file
RUN = 3  # rows in a row that make a distance between times a step of the file
FLAT_HOURS, FLAT_ROWS = 24.0, 6  # a run of one value of at least that long, of at least so many rows, is suspicious


@dataclass(frozen=True)
class Track:
    """The rows of one zone by time. start, end: (n,) seconds since 1970 UTC, disjoint; value: (n,), nan: missing;
    line: (n,) where each stands in the file, 0: nowhere."""

    start: Floats
    end: Floats
    value: Floats
    line: Ints


@dataclass(frozen=True)
class Feed:
    """name: file; layout: format; unit: of all values, as the file states it; tracks: rows of each zone; place: what
    ``line`` counts; findings: what is odd about the file."""

    name: str
    layout: str
    unit: str
    zones: Names
    tracks: tuple[Track, ...]
    place: Literal["line", "entry"] = "line"
    findings: tuple[Finding, ...] = ()

    def at(self, line: int) -> str:
        """Where a row stands, in words."""
        return f"{self.name} {self.place} {line}"


@dataclass
class Rows:
    """Rows of a file as they are read, and what is wrong with them. end: None where the file says only when a row
    begins."""

    name: str
    place: Literal["line", "entry"] = "line"
    findings: list[Finding] = field(default_factory=list)
    zones: dict[str, int] = field(default_factory=dict)
    zone: list[int] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    end: list[float | None] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    _count: dict[str, int] = field(default_factory=dict)

    def add(self, zone: str, start: float, end: float | None, value: float, line: int) -> None:
        self.zone.append(self.zones.setdefault(zone, len(self.zones)))
        self.start.append(start)
        self.end.append(end)
        self.value.append(value)
        self.line.append(line)

    def wrong(self, code: str, line: int, found: object, expected: str, hint: str = "") -> None:
        """One more finding; of each code the first ones are listed, the rest counted."""
        self._count[code] = self._count.get(code, 0) + 1
        if self._count[code] <= LISTED:
            self.findings.append(error(code, f"{self.name} {self.place} {line}", found, expected, hint))

    def feed(self, layout: str, unit: str) -> Feed:
        """The feed of all rows. Raises InvalidInstance with everything that is wrong."""
        if not self.zone and not self.findings:
            self.findings.append(error("empty", self.name, Said("no row with a value"), "rows of time and value"))
        zone, line = np.array(self.zone, dtype=np.int32), np.array(self.line, dtype=np.int32)
        start, value = np.array(self.start), np.array(self.value)
        end = np.array([np.nan if e is None else e for e in self.end], dtype=np.float64)
        tracks = []
        for z, name in enumerate(self.zones):
            at = np.flatnonzero(zone == z)
            tracks.append(self._track(name, Track(start[at], end[at], value[at], line[at])))
        if any(finding.severity == "error" for finding in self.findings):
            raise InvalidInstance(self._counted())
        return Feed(self.name, layout, unit, Names(list(self.zones)), tuple(tracks), self.place, tuple(self.findings))

    def _counted(self) -> list[Finding]:
        """The findings, the last of each code with the number of those not listed."""
        last = {finding.code: i for i, finding in enumerate(self.findings)}
        more = {i: self._count.get(code, 0) - LISTED for code, i in last.items()}
        return [replace(f, more=more[i]) if more.get(i, 0) > 0 else f for i, f in enumerate(self.findings)]

    def _track(self, zone: str, rows: Track) -> Track:
        """The rows by time, each with its end; repeated and overlapping ones are findings."""
        order = np.argsort(rows.start, kind="stable")
        if (np.diff(order) < 0).any():
            first = int(rows.line[int(np.argmax(np.diff(rows.start) < 0)) + 1])
            where, found = f"{self.name} {self.place} {first}", Said(f"a time before the row above, of {zone}")
            self.findings.append(warning("unsorted-times", where, found, "rows in the order of time"))
        start, value, line = rows.start[order], rows.value[order], rows.line[order]
        end = _ends(start, rows.end[order])
        same = np.concatenate([[False], np.diff(start) == 0])
        inside = np.concatenate([[False], end[:-1] > start[1:] + 1e-6]) & ~same

        def finding(code: str, words: str) -> Sequence[Finding]:
            bad = same if code == "repeated-time" else inside
            return list(
                each(
                    bad,
                    lambda i: error(
                        code, f"{self.name} {self.place} {line[i]}", Said(f"{moment(start[i])} of {zone} {words}"),
                        "each time once", f"the other is in {self.place} {line[i - 1]}",
                    ),
                )
            )  # fmt: skip

        self.findings += finding("repeated-time", "again")
        self.findings += finding("overlap", "inside the row before")
        known = any(f.severity == "error" for f in self.findings)  # a length unknown for want of rows that are wrong
        bad = ~(end > start) & ~same & (not known)
        self.findings += each(
            bad,
            lambda i: error(
                "row-length", f"{self.name} {self.place} {line[i]}", Said(f"a row of {zone} of unknown or no length"),
                "an end after its start, or a next row",
            ),
        )  # fmt: skip
        track = Track(start, end, value, line)
        self.findings += self._flat(zone, track)
        return track

    def _flat(self, zone: str, track: Track) -> Sequence[Finding]:
        """Runs of one value over a day or more: a broken meter? Nights without sun are shorter."""
        value = track.value
        if not len(value):
            return ()
        change = np.flatnonzero(np.concatenate([[True], value[1:] != value[:-1]]))
        last = np.concatenate([change[1:], [len(value)]]) - 1
        hours = (track.end[last] - track.start[change]) / 3600
        runs = np.flatnonzero((hours >= FLAT_HOURS) & (last - change + 1 >= FLAT_ROWS) & ~np.isnan(value[change]))

        def finding(r: int) -> Finding:
            i, j = change[r], last[r]
            where = f"{self.name} {self.place}s {track.line[i]} to {track.line[j]}"
            return warning("flat-line", where, Said(f"{value[i]:g} of {zone} for {hours[r]:g} h"), "values that vary")

        return list(each(runs, finding))


def _ends(start: Floats, end: Floats) -> Floats:
    """(n,) ends of rows: as stated, else the start of the next row; a distance longer than any that the file keeps for
    RUN rows is a step and then a gap."""
    if len(start) < 2 or not np.isnan(end).any():
        return end
    distance = np.diff(start)
    positive = distance[distance > 0]
    if not len(positive):
        return end
    change = np.flatnonzero(np.concatenate([[True], np.diff(distance) != 0]))
    length = np.diff(np.concatenate([change, [len(distance)]]))
    kept = distance[change[length >= RUN]]
    values, counts = np.unique(positive, return_counts=True)
    steps = np.union1d(kept[kept > 0], values[counts.argmax()])
    step = np.concatenate([distance, distance[-1:]])
    known = np.isin(step, steps)
    before = np.maximum.accumulate(np.where(known, np.arange(len(step)), -1))
    first = step[int(np.argmax(known))]
    step = np.where(known, step, np.where(before >= 0, step[before], first))
    step = np.minimum(step, np.concatenate([np.where(distance > 0, distance, np.inf), [np.inf]]))
    return np.where(np.isnan(end), start + step, end)


def moment(seconds: float) -> str:
    """A time in UTC, ISO 8601."""
    return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
