"""Times as they stand in files to UTC: offsets, stated time zones, the hour that occurs twice and the one that never
does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from instances.findings import InvalidInstance, error

DAY_FIRST = re.compile(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?")
ZONES = {
    "UTC": "UTC", "GMT": "UTC", "Z": "UTC", "CET/CEST": "Europe/Brussels", "EET/EEST": "Europe/Athens",
    "WET/WEST": "Europe/Lisbon",
}  # fmt: skip
SUMMER, WINTER = ("CEST", "EEST", "WEST", "BST"), ("CET", "EET", "WET", "GMT")


class WrongTime(ValueError):
    """What is wrong with a time: found by the words of ``expected`` and a hint."""

    def __init__(self, code: str, expected: str, hint: str = "", missing: bool = False) -> None:
        super().__init__(expected)
        self.code, self.expected, self.hint = code, expected, hint
        self.missing = missing  # the clock skips this time: a row without a value may stand there


def zone_of(name: str) -> str | None:
    """The IANA name of the time zone that a header names, such as `CET/CEST`; None if it names none that is known."""
    return ZONES.get(name.strip().upper())


@dataclass
class Clock:
    """Reads the times of one file from top to bottom. zone: IANA name of times without offset; None: none is stated."""

    zone: str | None
    _seen: dict[tuple[str, datetime], int] = field(default_factory=dict)
    _once: dict[tuple[str, datetime], int] = field(default_factory=dict)
    _parsed: dict[tuple[str, bool], datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._info = ZoneInfo(self.zone) if self.zone else None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInstance(
                [error("unknown-timezone", "timezone", self.zone, "an IANA name such as Europe/Paris")]
            ) from None

    def seconds(self, text: str, zone: str, line: int, day_first: bool = False) -> float:
        """Seconds since 1970 UTC of a time in a row of a zone. day_first: 01/02/2026 is the first of February.

        Raises WrongTime.
        """
        cut, mark = _mark(text.strip())
        key = (cut, day_first)
        local = self._parsed.get(key)
        if local is None:
            local = self._parsed[key] = _parse(cut, day_first)
        if local.tzinfo is not None:
            return local.timestamp()
        if self._info is None:
            raise WrongTime("naive-time", "a time with its UTC offset", "or name the time zone: --timezone")
        early, late = (local.replace(tzinfo=self._info, fold=fold) for fold in (0, 1))
        if early.utcoffset() == late.utcoffset():
            return early.timestamp()
        if early.astimezone(UTC).astimezone(self._info).replace(tzinfo=None) != local:
            raise WrongTime("skipped-hour", f"a time that exists in {self.zone}", "clocks go forward then", True)
        if mark is not None:
            return (late if mark == "winter" else early).timestamp()
        count = self._seen[zone, local] = self._seen.get((zone, local), 0) + 1
        if count == 1:
            self._once[zone, local] = line
            return early.timestamp()
        self._once.pop((zone, local), None)
        return late.timestamp()

    def changes(self, start: float, end: float) -> bool:
        """Whether the clock is changed between two times."""
        return len({datetime.fromtimestamp(at, self._info or UTC).utcoffset() for at in (start, end)}) > 1

    def unclear(self) -> list[tuple[int, datetime]]:
        """Lines and times that exist twice in the time zone and stood in the file once, without a mark."""
        return sorted({(line, local) for (_, local), line in self._once.items()})


def _mark(text: str) -> tuple[str, str | None]:
    """The time without the summer or winter mark that may stand behind it, such as `(CEST)`."""
    found = re.fullmatch(r"(.*?)\s*\(([A-Z]+)\)", text)
    if found is None:
        return text, None
    name = found[2]
    return found[1], "summer" if name in SUMMER else "winter" if name in WINTER else None


def _parse(text: str, day_first: bool) -> datetime:
    found = DAY_FIRST.fullmatch(text)
    try:
        if found is not None:
            if found[2] == "/" and not day_first:
                raise WrongTime("ambiguous-date", "a date such as 2026-02-01", "day and month cannot be told apart")
            day, month, year, hour, minute, second = (int(found[i] or 0) for i in (1, 3, 4, 5, 6, 7))
            whole_day = hour == 24 and minute == second == 0
            made = datetime(year, month, day, 0 if whole_day else hour, minute, second)
            return made + timedelta(days=1) if whole_day else made
        if len(text) < 16 or text[10:11] not in ("T", " "):
            raise ValueError
        made = datetime.fromisoformat(text)
        made.timestamp() if made.tzinfo else made.replace(tzinfo=UTC).timestamp()
        if not 1970 < made.year < 2200:
            raise ValueError
        return made
    except WrongTime:
        raise
    except (ValueError, OverflowError):
        raise WrongTime("wrong-time", "a date and time such as 2026-07-01T00:00+02:00") from None
