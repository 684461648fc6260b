"""The tables and cost terms of the second checker; see ``naive_checker``."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import naive_supply
from naive_limits import limits

Doc = dict[str, Any]


class Tables:
    """Load, traffic, power, carbon and terms as dictionaries by name."""

    def __init__(self, document: Doc, plan: Doc) -> None:
        self.doc, self.plan = document, plan
        self.blocks = document["blocks"]
        self.block_of, self.hours = [], []
        for b in self.blocks:
            length = b.get("period_hours", 1.0)
            for k in range(b["periods"]):
                self.block_of.append(b)
                self.hours.append(length[k] if isinstance(length, list) else length)
        self.periods = range(len(self.hours))
        self.weight = [self.block_of[t].get("weight", 1.0) * self.hours[t] for t in self.periods]
        self.hubs = {h["name"]: h for h in document["hubs"]}
        self.links = {m.get("name", f"{m['a']}--{m['b']}"): m for m in document.get("links", [])}
        self.nodes = {n["name"]: n for n in document["nodes"]}
        self.demands = {d["name"]: d for d in document["demands"]}
        self.sites = {s["hub"]: s for s in plan["sites"]}
        self.spans = {s["link"]: s for s in plan["links"]}
        self.routes = {r["name"]: r for r in plan["routes"]}
        first: dict[Any, str] = {}
        self.label = {
            r["name"]: first.setdefault((r["node"], r["hub"], *r["links"]), r["name"]) for r in plan["routes"]
        }
        self.tables()

    def moved(self) -> dict[str, float]:
        """Fraction of each demand that moved against the plan in force; see ``naive_moves``."""
        return {}

    # --- reading ---------------------------------------------------------------------------------

    def at(self, quantity: Any, t: int) -> float:
        if quantity is None:
            return 0.0
        if isinstance(quantity, dict):
            return float(quantity["scale"] * self.doc["profiles"][quantity["profile"]][t])
        return float(quantity[t] if isinstance(quantity, list) else quantity)

    def amount(self, d: Doc, hub: str | None, resource: str, t: int) -> float:
        amounts = d.get("amount_at", {}).get(hub, d["amount"]) if hub else d["amount"]
        return self.at(amounts.get(resource), t)

    def traffic(self, d: Doc, t: int) -> float:
        if d.get("traffic_gbps_per_unit") is not None:
            return float(d["traffic_gbps_per_unit"]) * self.at(next(iter(d["amount"].values())), t)
        return self.at(d.get("traffic_gbps"), t)

    def back(self, d: Doc, t: int) -> float:
        return self.at(d.get("traffic_back_gbps"), t)

    def active(self, d: Doc, t: int) -> bool:
        return any(self.at(q, t) for q in d["amount"].values()) or self.traffic(d, t) != 0 or self.back(d, t) != 0

    def arcs(self, route: Doc) -> list[tuple[str, bool]]:
        """(link, against its direction) in order."""
        place, out = route["node"], []
        for name in route["links"]:
            m = self.links[name]
            against = m["b"] == place and m["a"] != place
            place = m["a"] if against else m["b"]
            out.append((name, against))
        return out

    def matrix(self, table: str, node: str, hub: str) -> float | None:
        m = self.doc["latency_matrix"]
        if node not in m["nodes"] or hub not in m["hubs"]:
            return None
        found: float | None = m[table][m["nodes"].index(node)][m["hubs"].index(hub)]
        return found

    def latency(self, r: Doc) -> float:
        if self.doc.get("latency_matrix"):
            inside = self.matrix("latency_ms", r["node"], r["hub"])
            inside = math.nan if inside is None else inside
        else:
            inside = sum(self.links[name]["latency_ms"] for name in r["links"])
        node, hub = self.nodes[r["node"]], self.hubs[r["hub"]]
        return float(node.get("access_latency_ms", 0.0) + inside + hub.get("access_latency_ms", 0.0))

    def candidates(self, node: str, hub: str, k: int | None = None) -> set[tuple[str, ...]]:
        """Every loopless path, sorted as the rule says; the first k with and without optional links."""
        if self.hubs[hub].get("status") == "closed":
            return set()
        if self.doc.get("latency_matrix"):
            return set() if self.matrix("latency_ms", node, hub) is None else {()}
        goal, paths = self.hubs[hub]["node"], []

        def walk(place: str, seen: list[str], path: list[str]) -> None:
            if place == goal:
                paths.append(tuple(path))
                return
            if place != node and not self.nodes[place].get("transit", True):
                return
            for name, m in self.links.items():
                if m.get("status") == "closed":
                    continue
                for here, there in [(m["a"], m["b"])] + ([] if m.get("directed") else [(m["b"], m["a"])]):
                    if here == place and there not in seen:
                        walk(there, [*seen, there], [*path, name])

        walk(node, [node], [])
        paths.sort(key=lambda p: (sum(round(self.links[m]["latency_ms"] * 1e9) for m in p), len(p), p))
        k = k or self.doc.get("routes", {}).get("candidates", 3)
        plain = [p for p in paths if all(self.links[m].get("status") != "optional" for m in p)]
        return set(paths[:k]) | set(plain[:k])

    # --- tables ----------------------------------------------------------------------------------

    def share_in(self, row: Doc, t: int) -> float:
        return row["share"] if row.get("period", t) == t else 0.0

    def factors(self, d: Doc, row: Doc, t: int) -> dict[int, float]:
        """What a row serves in a period: so much of the amounts of which period."""
        if not d.get("deferral"):
            return {t: self.share_in(row, t)}
        part = sum(
            e["part"]
            for e in self.plan.get("execution", [])
            if e["period"] == t and all(e[k] == row[k] for k in ("demand", "hub", "route"))
        )
        return {s: part * self.hours[s] / self.hours[t] for s in self.periods}

    def tables(self) -> None:
        self.load: dict[Any, float] = defaultdict(float)
        self.arc: dict[Any, float] = defaultdict(float)
        self.matrix_cost = 0.0
        for row in self.plan["assignments"]:
            d, r = self.demands[row["demand"]], self.routes[row["route"]]
            for t in self.periods:
                factor = self.factors(d, row, t)
                for resource in [x["name"] for x in self.doc["resources"]]:
                    amount = sum(self.amount(d, row["hub"], resource, s) * f for s, f in factor.items())
                    self.load[row["hub"], resource, t] += amount
                forth = sum(self.traffic(d, s) * f for s, f in factor.items())
                back = sum(self.back(d, s) * f for s, f in factor.items())
                for name, against in self.arcs(r):
                    self.arc[name, against, t] += forth
                    self.arc[name, not against, t] += back
                if self.doc.get("latency_matrix") and self.doc["latency_matrix"].get("price_per_gbps_h"):
                    price = self.matrix("price_per_gbps_h", r["node"], r["hub"]) or 0.0
                    self.matrix_cost += self.weight[t] * price * (forth + back)
        self.facility: dict[Any, float] = {}
        self.power: dict[Any, float] = {}
        for name, h in self.hubs.items():
            s = self.sites[name]
            for t in self.periods:
                it = h.get("idle_kw", 0.0) * s["open"]
                it += sum(kw * self.load[name, r, t] for r, kw in h.get("power_kw_per_unit", {}).items())
                self.facility[name, t] = self.at(h.get("pue", 1.0), t) * it
                self.power[name, t] = s["grid_kw"][t] + sum(c["kw"][t] for c in s.get("contract_kw", []))
        self.carbon = naive_supply.counted(self)

    def latency_price(self) -> float:
        return float(self.doc.get("policy", {}).get("latency_price_per_gbps_ms_h", 0.0))

    def all_latency(self) -> float:
        """Gbit/s ms h."""
        total = 0.0
        for row in self.plan["assignments"]:
            d, ms = self.demands[row["demand"]], self.latency(self.routes[row["route"]])
            ms = 0.0 if math.isnan(ms) else ms
            for t in self.periods:
                flow = self.traffic(d, t) + self.back(d, t)
                part = self.share_in(row, t)
                if d.get("deferral"):  # what is carried when does not matter, only the weight of its period
                    done = [e for e in self.plan.get("execution", []) if e["period"] == t]
                    part = sum(e["part"] for e in done if all(e[k] == row[k] for k in ("demand", "hub", "route")))
                    flow = sum((self.traffic(d, s) + self.back(d, s)) * self.hours[s] for s in self.periods)
                    flow /= self.hours[t]
                total += self.weight[t] * flow * part * ms
        return total

    def installed(self, name: str, resource: str, t: int) -> float:
        """What the plan has standing of a hub's capacity."""
        h, s = self.hubs[name], self.sites[name]
        own = h.get("capacity", {}).get(resource, 0.0)
        units = (math.inf if own is None else self.at(own, t)) if s["open"] else 0.0
        built = {m["name"]: m["count"] for m in s.get("modules", [])}
        for m in h.get("modules", []):
            units += m["capacity"].get(resource, 0.0) * built.get(m.get("name", "module"), 0)
        return units

    def served(self, d: Doc, t: int) -> float:
        wanted = t if d.get("timing") == "per_period" else None
        rows = [row for row in self.plan["assignments"] if row["demand"] == d["name"]]
        return float(sum(row["share"] for row in rows if row.get("period") == wanted))

    def may_stay(self, d: Doc) -> bool:
        return d.get("unserved_penalty_per_unit_h") is not None and not d.get("fixed")

    def terms(self) -> dict[str, float]:
        out = dict.fromkeys(
            ("energy", "contract", "network", "opening", "expansion", "carbon", "unserved", "override"),
            0.0,
        )
        for name, h in self.hubs.items():
            s = self.sites[name]
            out["energy"] += sum(
                self.weight[t] * self.at(h.get("energy_price_per_kwh", 0.0), t) * s["grid_kw"][t] for t in self.periods
            )
        for (name, _, t), gbps in self.arc.items():
            out["network"] += self.weight[t] * self.links[name].get("price_per_gbps_h", 0.0) * gbps
        out["network"] += self.matrix_cost
        if self.plan.get("incumbent") is not None:
            out["migration"] = sum(self.demands[d].get("migration_cost", 0.0) * m for d, m in self.moved().items())
        if self.latency_price():
            out["latency"] = self.latency_price() * self.all_latency()
        for there, rows in ((self.hubs, self.sites), (self.links, self.spans)):
            for name, x in there.items():
                if x.get("status") == "optional" and rows[name]["open"]:
                    out["opening"] += 0.0 if x.get("existing") else x.get("opening_cost", 0.0)
                if x.get("status") == "optional" and x.get("existing") and x.get("closing_cost"):
                    out["closing"] = out.get("closing", 0.0) + x["closing_cost"] * (not rows[name]["open"])
                costs = {m.get("name", "module"): m["cost"] for m in x.get("modules", [])}
                out["expansion"] += sum(costs[m["name"]] * m["count"] for m in rows[name].get("modules", []))
        out |= naive_supply.terms(self)
        for d in self.demands.values():
            if self.may_stay(d):
                for t in self.periods:
                    if d.get("timing") == "per_period" and not self.active(d, t):
                        continue
                    left = max(0.0, 1.0 - self.served(d, t))
                    units = sum(self.at(q, t) for q in d["amount"].values())
                    out["unserved"] += self.weight[t] * d["unserved_penalty_per_unit_h"] * units * left
        for row in self.plan["assignments"]:
            d = self.demands[row["demand"]]
            cost = d.get("cost_at", {}).get(row["hub"], 0.0) * row["share"]
            if d.get("timing") == "per_period":
                span = [t for t in self.periods if self.active(d, t)]
                t = row.get("period", -1)
                cost = cost * self.weight[t] / sum(self.weight[s] for s in span) if t in span else 0.0
            elif "period" in row:
                cost = 0.0
            out["override"] += cost
        soft = [limit for limit in limits(self, out) if limit.soft]
        return {**out, "soft_limits": sum(limit.paid for limit in soft)} if soft else out
