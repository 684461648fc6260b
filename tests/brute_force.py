"""The optimum of a tiny instance by trying every decision, straight from ``docs/model.md``.

Single placement without deferral: given where everything is served, hubs and links are independent of each other but
for the policy rows, and power comes from the cheapest source first. Shares only the candidate routes with the package.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from document_changes import Document
from numpy.typing import NDArray

from instances import from_document
from instances.routes import candidate_routes

Floats = NDArray[np.float64]
Row = tuple[int, int | None]  # demand, and period if it is placed period by period
Placement = dict[Row, int | None]  # the candidate, None: not served

SLACK = 1e-9


@dataclass(frozen=True)
class State:
    """One way to run a hub or link under its load: whether it is open, its modules, and what follows."""

    open: bool
    modules: tuple[int, ...]
    terms: Mapping[str, float]
    carbon: float = 0.0
    cost: float = field(default=0.0)


class BruteForce:
    """``best`` gives the least cost, inf where nothing is feasible; ``placements`` how much there is to try."""

    def __init__(self, document: Document) -> None:
        self.doc = document
        self.hubs, self.links, self.demands = document["hubs"], document.get("links", []), document["demands"]
        self.resources = [r["name"] for r in document["resources"]]
        self.policy = document["policy"]
        hours: list[float] = []
        weight: list[float] = []
        for b in document["blocks"]:
            hours += [b.get("period_hours", 1.0)] * b["periods"]
            weight += [b.get("weight", 1.0)] * b["periods"]
        self.T = len(hours)
        self.W = np.array(hours) * np.array(weight)
        self.carbon_price = self.policy.get("carbon_price_per_kg", 0.0)
        self.routes = candidate_routes(from_document(document))
        self.memo: dict[Any, list[State]] = {}

    def series(self, quantity: Any) -> Floats:
        if quantity is None:
            return np.full(self.T, math.inf)
        if isinstance(quantity, dict):
            return np.array(self.doc["profiles"][quantity["profile"]], dtype=float) * float(quantity["scale"])
        return np.broadcast_to(np.array(quantity, dtype=float), (self.T,))

    # What may be decided

    def traffic(self, d: int) -> tuple[Floats, Floats]:
        demand = self.demands[d]
        first = self.series(next(iter(demand["amount"].values())))
        forth = first * demand.get("traffic_gbps_per_unit", 0.0) + self.series(demand.get("traffic_gbps", 0.0))
        return forth, self.series(demand.get("traffic_back_gbps", 0.0))

    def rows(self) -> list[Row]:
        found: list[Row] = []
        for d, demand in enumerate(self.demands):
            if demand.get("timing") != "per_period":
                found.append((d, None))
                continue
            needs = [*map(self.series, demand["amount"].values()), *self.traffic(d)]
            found += [(d, t) for t in range(self.T) if any(q[t] != 0 for q in needs)]
        return found

    def choices(self, d: int) -> list[int | None]:
        demand = self.demands[d]
        node = [n["name"] for n in self.doc["nodes"]].index(demand["node"])
        found: list[int | None] = [
            k
            for k in range(len(self.routes))
            if self.routes.node[k] == node
            and self.routes.latency_ms[k] <= demand.get("max_latency_ms", math.inf) + SLACK
            and self.allowed(demand, self.hubs[self.routes.hub[k]])
        ]
        if "unserved_penalty_per_unit_h" in demand and "fixed" not in demand:
            found.append(None)
        return found

    def allowed(self, demand: Document, hub: Document) -> bool:
        tags, name = set(hub.get("tags", [])), hub["name"]
        return (
            name in demand.get("allowed_hubs", [name])
            and name not in demand.get("forbidden_hubs", [])
            and ("allowed_tags" not in demand or bool(tags & set(demand["allowed_tags"])))
            and not tags & set(demand.get("forbidden_tags", []))
            and ("fixed" not in demand or demand["fixed"]["hub"] == name)
        )

    def placements(self) -> int:
        return math.prod(len(self.choices(d)) for d, _ in self.rows())

    # What follows from a placement

    def periods(self, row: Row) -> NDArray[np.bool_]:
        return np.ones(self.T, bool) if row[1] is None else np.arange(self.T) == row[1]

    def flows(self, placement: Placement) -> tuple[Floats, Floats]:
        """Load (H, R, T) and traffic (2L, T)."""
        load = np.zeros((len(self.hubs), len(self.resources), self.T))
        traffic = np.zeros((2 * len(self.links), self.T))
        for row, k in placement.items():
            if k is None:
                continue
            demand, h, now = self.demands[row[0]], self.routes.hub[k], self.periods(row)
            amount = demand.get("amount_at", {}).get(self.hubs[h]["name"], demand["amount"])
            for name, quantity in amount.items():
                load[h, self.resources.index(name)] += self.series(quantity) * now
            forth, back = self.traffic(row[0])
            for arc in self.routes.arcs_of(k).tolist():
                traffic[arc] += forth * now
                traffic[arc ^ 1] += back * now
        return load, traffic

    def placed_terms(self, placement: Placement) -> dict[str, float]:
        terms = {"network": 0.0, "unserved": 0.0, "override": 0.0}
        rows = self.rows()
        for row, k in placement.items():
            demand, now = self.demands[row[0]], self.periods(row)
            if k is None:
                need = sum(self.series(q) for q in demand["amount"].values())
                terms["unserved"] += demand["unserved_penalty_per_unit_h"] * float((self.W * now) @ need)
                continue
            forth, back = self.traffic(row[0])
            terms["network"] += self.routes.price_per_gbps_h[k] * float((self.W * now) @ (forth + back))
            own = sum(self.W[t] for d, t in rows if d == row[0] and t is not None)
            part = 1.0 if row[1] is None else self.W[row[1]] / own
            terms["override"] += demand.get("cost_at", {}).get(self.hubs[self.routes.hub[k]]["name"], 0.0) * part
        return terms

    def states(self, thing: Document) -> Iterator[tuple[bool, tuple[int, ...]]]:
        kinds = thing.get("modules", [])
        status = thing.get("status", "open")
        if status != "closed":
            for counts in itertools.product(*(range(m["max_count"] + 1) for m in kinds)):
                yield True, counts
        if status != "open":
            yield False, (0,) * len(kinds)

    def fixed_terms(self, thing: Document, opened: bool, counts: tuple[int, ...]) -> dict[str, float]:
        paid = opened and thing.get("status") == "optional"
        bought = sum(m["cost"] * n for m, n in zip(thing.get("modules", []), counts, strict=True))
        return {"opening": thing.get("opening_cost", 0.0) if paid else 0.0, "expansion": bought}

    def hub_state(self, h: int, load: Floats, opened: bool, counts: tuple[int, ...]) -> State | None:
        """A hub under its load (R, T), None if a limit is broken."""
        hub = self.hubs[h]
        built = list(zip(hub.get("modules", []), counts, strict=True))
        for r, name in enumerate(self.resources):
            capacity = self.series(hub["capacity"][name] if name in hub.get("capacity", {}) else 0.0) if opened else 0.0
            if (load[r] > capacity + sum(m["capacity"].get(name, 0.0) * n for m, n in built) + SLACK).any():
                return None
        it = hub.get("idle_kw", 0.0) * opened + sum(
            hub.get("power_kw_per_unit", {}).get(name, 0.0) * load[r] for r, name in enumerate(self.resources)
        )
        facility = self.series(hub.get("pue", 1.0)) * it
        limit = hub.get("connection_limit_kw", math.inf) + sum(m.get("connection_kw", 0.0) * n for m, n in built)
        carbon = float(self.W * self.series(hub.get("carbon_kg_per_kwh", 0.0)) @ facility)
        if (facility > limit + SLACK).any() or carbon > hub.get("carbon_cap_kg", math.inf) + SLACK:
            return None
        energy, contract = self.cheapest_power(hub, facility, opened)
        terms = {"energy": energy, "contract": contract, "carbon": self.carbon_price * carbon}
        terms |= self.fixed_terms(hub, opened, counts)
        return State(opened, counts, terms, carbon, sum(terms.values()))

    def cheapest_power(self, hub: Document, facility: Floats, opened: bool) -> tuple[float, float]:
        """Cost of grid and contract energy, the cheapest source of each period first."""
        energy = contract = 0.0
        grid = self.series(hub.get("energy_price_per_kwh", 0.0))
        contracts = hub.get("contracts", []) if opened else []
        for t in range(self.T):
            left = float(facility[t])
            offers = sorted((self.series(c["price_per_kwh"])[t], self.series(c["available_kw"])[t]) for c in contracts)
            for price, available in offers:
                if price < grid[t]:
                    used = min(left, available)
                    contract += self.W[t] * price * used
                    left -= used
            energy += self.W[t] * grid[t] * left
        return energy, contract

    def link_state(self, m: int, traffic: Floats, opened: bool, counts: tuple[int, ...]) -> State | None:
        """A link under its traffic (2, T), None if a limit is broken."""
        link = self.links[m]
        capacity = self.series(link.get("capacity_gbps")) if opened else np.zeros(self.T)
        capacity = capacity + sum(k["capacity_gbps"] * n for k, n in zip(link.get("modules", []), counts, strict=True))
        back = 0.0 if link.get("directed") else capacity
        if (traffic[0] > capacity + SLACK).any() or (traffic[1] > back + SLACK).any():
            return None
        terms = self.fixed_terms(link, opened, counts)
        return State(opened, counts, terms, 0.0, sum(terms.values()))

    # The search

    def ways(self, load: Floats, traffic: Floats, placement: Placement) -> list[list[State]]:
        """Feasible states of every hub, then of every link; a share at it or over it needs it open."""
        used_hubs = {int(self.routes.hub[k]) for k in placement.values() if k is not None}
        used_links = {arc >> 1 for k in placement.values() if k is not None for arc in self.routes.arcs_of(k).tolist()}
        found = []
        for h, hub in enumerate(self.hubs):
            key = ("hub", h, h in used_hubs, load[h].tobytes())
            if key not in self.memo:
                tried = [self.hub_state(h, load[h], *s) for s in self.states(hub) if s[0] or h not in used_hubs]
                self.memo[key] = [s for s in tried if s is not None]
            found.append(self.memo[key])
        for m, link in enumerate(self.links):
            flow = traffic[2 * m : 2 * m + 2]
            key = ("link", m, m in used_links, flow.tobytes())
            if key not in self.memo:
                tried = [self.link_state(m, flow, *s) for s in self.states(link) if s[0] or m not in used_links]
                self.memo[key] = [s for s in tried if s is not None]
            found.append(self.memo[key])
        return found

    def cheapest(self, ways: list[list[State]]) -> float:
        """Least cost of one state each within the policy rows; inf if there is none."""
        if not all(ways):
            return math.inf
        hubs, links = ways[: len(self.hubs)], ways[len(self.hubs) :]
        total = sum(min(s.cost for s in states) for states in links)
        cap, limits = self.policy.get("carbon_cap_kg", math.inf), self.policy.get("open_hubs", {})
        if cap == math.inf and not limits:
            return total + sum(min(s.cost for s in states) for states in hubs)
        least, most = limits.get("min", 0), limits.get("max", math.inf)
        costs = [
            sum(s.cost for s in chosen)
            for chosen in itertools.product(*hubs)
            if least <= sum(s.open for s in chosen) <= most and sum(s.carbon for s in chosen) <= cap + SLACK
        ]
        return total + min(costs, default=math.inf)

    def best(self) -> float:
        rows = self.rows()
        best = math.inf
        for chosen in itertools.product(*(self.choices(d) for d, _ in rows)):
            placement = dict(zip(rows, chosen, strict=True))
            sites = self.cheapest(self.ways(*self.flows(placement), placement))
            best = min(best, sum(self.placed_terms(placement).values()) + sites)
        return best
