"""Protection for the second checker: backups and what they reserve, in loops over rows, names and periods."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from naive_checker import Naive

Doc = dict[str, Any]


def protection_rules(naive: Naive) -> None:
    """Everything that a plan's backups can break."""
    found = naive.plan.get("backups") or []
    if not found and not any(kind(d) != "none" for d in naive.demands.values()):
        return
    matched = []
    counts: dict[Any, int] = defaultdict(int)
    for backup in found:
        counts[backup["demand"], backup.get("period")] += 1
        row_rules(naive, backup)
    needed = set()
    for row in naive.plan["assignments"]:
        if not in_need(naive, row):
            continue
        key = row["demand"], row.get("period")
        needed.add(key)
        mine = [b for b in found if (b["demand"], b.get("period")) == key]
        if mine:
            matched.append((row, mine[0]))
    for key in needed | counts.keys():
        naive.same(
            "backup", key[0] + ("" if key[1] is None else f", period {key[1]}"), counts[key], float(key in needed)
        )
    for row, backup in matched:
        pair_rules(naive, row, backup)
    reserves(naive, matched)


def kind(d: Doc) -> str:
    return str(d.get("protection", "none"))


def in_need(naive: Naive, row: Doc) -> bool:
    protection = kind(naive.demands[row["demand"]])
    linked = bool(naive.routes[row["route"]]["links"])
    return row["share"] > 1e-6 and (protection == "hub" or (protection == "link" and linked))


def place_of(naive: Naive, backup: Doc) -> str:
    period = f", period {backup['period']}" if "period" in backup else ""
    return f"{backup['demand']} backed up at {backup['hub']} by {naive.label[backup['route']]}{period}"


def row_rules(naive: Naive, backup: Doc) -> None:
    d, r, place = naive.demands[backup["demand"]], naive.routes[backup["route"]], place_of(naive, backup)
    if not naive.allowed(d, backup["hub"]):
        naive.bad("backup_residency", place, 1.0)
    if d.get("max_latency_ms") is not None and naive.latency(r) > d["max_latency_ms"] + 1e-9:
        naive.bad("backup_latency", place, naive.latency(r) - d["max_latency_ms"])
    if not naive.sites[backup["hub"]]["open"]:
        naive.bad("backup_open", place, 1.0)
    if any(not naive.spans[m]["open"] for m in r["links"]):
        naive.bad("backup_link_open", place, 1.0)


def pair_rules(naive: Naive, row: Doc, backup: Doc) -> None:
    d, place = naive.demands[row["demand"]], place_of(naive, backup)
    first, second = naive.routes[row["route"]], naive.routes[backup["route"]]
    if (row["hub"] == backup["hub"]) != (kind(d) == "link"):
        naive.bad("backup_hub", place, 1.0)
    good = (second["node"], second["hub"]) == (d["node"], backup["hub"]) and not naive.broken(second)
    path = tuple(second["links"])
    if kind(d) == "hub":
        good &= path in naive.candidates(second["node"], second["hub"])
    else:
        start, end = first["node"], first["hub"]
        good &= (start, end) == (second["node"], second["hub"]) and not naive.broken(first)
        good = good and tuple(first["links"]) in naive.candidates(start, end)
        good = good and path in second_routes(naive, start, end, first["links"])
    if not good:
        naive.bad("backup_route", place, 1.0)


def second_routes(naive: Naive, node: str, hub: str, without: list[str]) -> set[tuple[str, ...]]:
    """Candidates without a common link, and the first paths of the network without these links."""
    found = {p for p in naive.candidates(node, hub) if not set(p) & set(without)}
    kept = naive.links
    naive.links = {name: m for name, m in kept.items() if name not in without}
    found |= naive.candidates(node, hub, 1)
    naive.links = kept
    return found


def reserves(naive: Naive, matched: list[tuple[Doc, Doc]]) -> None:
    """Room for each failure by itself."""
    units: dict[Any, float] = defaultdict(float)
    gbps: dict[Any, float] = defaultdict(float)
    for row, backup in matched:
        d, hub = naive.demands[row["demand"]], backup["hub"]
        hubwise = kind(d) == "hub"
        fails = [row["hub"]] if hubwise else naive.routes[row["route"]]["links"]
        for t in naive.periods:
            factor = naive.factors(d, row, t)
            for f in fails:
                for r in naive.doc["resources"] if hubwise else ():
                    load = sum(x * naive.amount(d, hub, r["name"], s) for s, x in factor.items())
                    units[f, hub, r["name"], t] += load
                for name, against in naive.arcs(naive.routes[backup["route"]]):
                    gbps[hubwise, f, name, against, t] += sum(x * naive.traffic(d, s) for s, x in factor.items())
                    gbps[hubwise, f, name, not against, t] += sum(x * naive.back(d, s) for s, x in factor.items())
    for (f, hub, r, t), value in units.items():
        if value > 0:
            limit = naive.installed(hub, r, t)
            naive.most("reserve_hub", f"{f} fails: {hub}, {r}, period {t}", naive.load[hub, r, t] + value, limit)
    for (hubwise, f, name, against, t), value in gbps.items():
        if value > 0:
            m = naive.links[name]
            way = (m["b"], m["a"]) if against else (m["a"], m["b"])
            naive.most(
                "reserve_hub_link" if hubwise else "reserve_link",
                f"{f} fails: {name}, {way[0]} to {way[1]}, period {t}",
                naive.arc[name, against, t] + value,
                naive.bandwidth(name, against, t),
            )
