"""What moves against a plan in force, in naive loops over names; see ``naive_checker``."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from naive_tables import Doc, Tables

Key = tuple[str, str, int]  # demand, hub, period


class NaiveMoves(Tables):
    """``moved`` gives the fraction of each demand that moved and counts, ``forced`` the shares that had to go."""

    def __init__(self, document: Doc, plan: Doc, rows: list[tuple[str, str, float, int | None]]) -> None:
        super().__init__(document, plan)
        self.was: dict[Key, float] = defaultdict(float)
        for demand, hub, share, period in rows:
            d = self.demands[demand]
            if d.get("timing") == "per_period":
                for t in self.periods if period is None else [period]:
                    self.was[demand, hub, t] += share
            else:
                self.was[demand, hub, -1] += share * (1 if period is None else self.weight[period] / sum(self.weight))
        self.gone = {key for key in self.was if not self.may_serve(*key[:2])}
        crowded = {h for h in self.hubs if self.shrank(h)}
        self.forced = self.gone | {key for key in self.was if key[1] in crowded}

    def may_serve(self, demand: str, hub: str) -> bool:
        d = self.demands[demand]
        if hub not in self.hubs or ("fixed" in d and d["fixed"]["hub"] != hub):
            return False
        tags, allowed, allowed_tags = self.hubs[hub].get("tags", []), d.get("allowed_hubs"), d.get("allowed_tags")
        good = (allowed is None or hub in allowed) and hub not in d.get("forbidden_hubs", [])
        good &= allowed_tags is None or any(tag in allowed_tags for tag in tags)
        good &= not any(tag in d.get("forbidden_tags", []) for tag in tags)
        routes = [{"node": d["node"], "hub": hub, "links": list(p)} for p in self.candidates(d["node"], hub)]
        routes = [r for r in routes if d.get("fixed", {}).get("route") in (None, r["links"])]
        limit = d.get("max_latency_ms")
        return good and any(limit is None or self.latency(r) <= limit + 1e-9 for r in routes)

    def shrank(self, hub: str) -> bool:
        h = self.hubs[hub]
        for r in [x["name"] for x in self.doc["resources"]]:
            own = h.get("capacity", {}).get(r, 0.0)
            if own is None:
                continue
            bought = sum(m["capacity"].get(r, 0.0) * m["max_count"] for m in h.get("modules", []))
            room = {t: self.at(own, t) + bought for t in self.periods}
            steady, all_work = dict.fromkeys(self.periods, 0.0), dict.fromkeys(self.periods, 0.0)
            for (demand, at, period), share in self.was.items():
                if at != hub or (demand, at, period) in self.gone:
                    continue
                d = self.demands[demand]
                for t in self.periods if period < 0 else [period]:
                    units = share * self.amount(d, hub, r, t)
                    all_work[t] += units
                    steady[t] += 0.0 if d.get("deferral") else units
            if any(steady[t] > room[t] + 1e-6 * max(1.0, room[t]) for t in self.periods):
                return True
            for b in self.blocks:
                inside = [t for t in self.periods if self.block_of[t] is b]
                limit = sum(self.hours[t] * room[t] for t in inside)
                if sum(self.hours[t] * all_work[t] for t in inside) > limit + 1e-6 * max(1.0, limit):
                    return True
        return False

    def moved(self) -> dict[str, float]:
        return {name: self.moved_of(d) for name, d in self.demands.items()}

    def moved_of(self, d: Doc) -> float:
        name = d["name"]
        if d.get("timing") != "per_period":
            return self.moved_in(name, -1)
        span = [t for t in self.periods if self.active(d, t)]
        hours = sum(self.weight[t] for t in span)
        return sum(self.weight[t] / hours * self.moved_in(name, t) for t in span) if span else 0.0

    def moved_in(self, name: str, t: int) -> float:
        mine = {key: share for key, share in self.was.items() if key[0] == name and key[2] == t}
        if not mine:
            return 0.0
        total = 0.0
        for h in self.hubs:
            now = sum(
                row["share"]
                for row in self.plan["assignments"]
                if row["demand"] == name and row["hub"] == h and row.get("period", -1) == t
            )
            total += max(0.0, now - (0.0 if (name, h, t) in self.gone else mine.get((name, h, t), 0.0)))
        return max(0.0, total - sum(share for key, share in mine.items() if key in self.forced))


def rows_of(plan: Any) -> list[tuple[str, str, float, int | None]]:
    """The assignments of a plan document as a plan in force."""
    return [(row["demand"], row["hub"], row["share"], row.get("period")) for row in plan["assignments"]]
