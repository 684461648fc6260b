"""What differs between two plans, in the planner's words: from their documents alone, so of any two instances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NOISE = 1e-6  # a share below is a rounding error
Shares = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Move:
    """A share of a demand that was at one hub and is at another; "" for unserved. share: mean over its periods."""

    demand: str
    source: str
    target: str
    share: float


@dataclass(frozen=True)
class Differences:
    """moves: by demand; gone, new: demands that only one plan places; opened, closed: hubs and links; built: place,
    kind of module, before, after; terms: name, before, after (money)."""

    moves: tuple[Move, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    opened: tuple[str, ...]
    closed: tuple[str, ...]
    built: tuple[tuple[str, str, int, int], ...]
    terms: tuple[tuple[str, float, float], ...]

    def lines(self) -> Iterator[str]:
        """Everything but the cost, one line each."""
        for move in self.moves:
            part = "" if move.share > 1 - NOISE else f"{move.share:.1%} of "
            ends = [f"`{end}`" if end else "nowhere" for end in (move.source, move.target)]
            yield f"{part}`{move.demand}` moves from {ends[0]} to {ends[1]}"
        yield from (f"`{name}` is new" for name in self.new)
        yield from (f"`{name}` is gone" for name in self.gone)
        yield from (f"{name} opens" for name in self.opened)
        yield from (f"{name} closes" for name in self.closed)
        for place, kind, before, after in self.built:
            yield f"{place}: {after} of `{kind}` instead of {before}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Differences:
    """From one plan document to another."""
    was, now = _shares(before), _shares(after)
    is_open = [_open(document) for document in (before, after)]
    modules = [_modules(document) for document in (before, after)]
    money = [{row["name"]: float(row["cost"]) for row in document.get("terms") or []} for document in (before, after)]
    return Differences(
        moves=tuple(move for demand in was if demand in now for move in _moves(demand, was[demand], now[demand])),
        gone=tuple(name for name in was if name not in now),
        new=tuple(name for name in now if name not in was),
        opened=tuple(sorted(is_open[1] - is_open[0])),
        closed=tuple(sorted(is_open[0] - is_open[1])),
        built=tuple(
            (*key, modules[0].get(key, 0), modules[1].get(key, 0))
            for key in dict.fromkeys([*modules[0], *modules[1]])
            if modules[0].get(key, 0) != modules[1].get(key, 0)
        ),
        terms=tuple(
            (name, money[0].get(name, 0.0), money[1].get(name, 0.0)) for name in dict.fromkeys([*money[0], *money[1]])
        ),
    )


def _shares(document: Mapping[str, Any]) -> Shares:
    """Share by demand and hub; of demands that are re-chosen per period the mean over the periods with rows."""
    total: Shares = defaultdict(lambda: defaultdict(float))
    periods: dict[str, set[int]] = defaultdict(set)
    for row in document.get("assignments") or []:
        total[row["demand"]][row["hub"]] += float(row["share"])
        if row.get("period") is not None:
            periods[row["demand"]].add(row["period"])
    return {d: {h: x / max(1, len(periods[d])) for h, x in hubs.items()} for d, hubs in total.items()}


def _moves(demand: str, was: Mapping[str, float], now: Mapping[str, float]) -> Iterator[Move]:
    """Shares that left hubs, matched with those that came to others, in order of their names."""
    change = {hub: now.get(hub, 0.0) - was.get(hub, 0.0) for hub in sorted({*was, *now})}
    change[""] = -sum(change.values())  # served less than before: to nowhere
    left = {hub: -by for hub, by in change.items() if by < -NOISE}
    for target, came in ((hub, by) for hub, by in change.items() if by > NOISE):
        for source in list(left):
            share = min(left[source], came)
            if share > NOISE:
                yield Move(demand, source, target, share)
                left[source] -= share
                came -= share


def _open(document: Mapping[str, Any]) -> set[str]:
    hubs = {f"hub `{row['hub']}`" for row in document.get("sites") or [] if row["open"]}
    return hubs | {f"link `{row['link']}`" for row in document.get("links") or [] if row["open"]}


def _modules(document: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    return {
        (f"{kind} `{row[kind]}`", built["name"]): int(built["count"])
        for kind, table in (("hub", "sites"), ("link", "links"))
        for row in document.get(table) or []
        for built in row.get("modules") or []
    }
