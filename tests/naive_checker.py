"""A second checker in naive loops: from the document and the plan file's document alone, by names, without numpy.

It shares nothing with the package, not even the rule of candidate routes, and exists to be compared with it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import naive_objectives
import naive_supply
from naive_limits import limits
from naive_moves import NaiveMoves
from naive_protection import protection_rules
from naive_tables import Doc

TOLERANCE = 1e-6


class Naive(NaiveMoves):
    """``run`` gives the violations: (rule, place) -> amount."""

    def __init__(self, document: Doc, plan: Doc) -> None:
        was = plan.get("incumbent") or []
        super().__init__(document, plan, [(row["demand"], row["hub"], row["share"], row.get("period")) for row in was])
        self.found: dict[tuple[str, str], float] = {}

    def bad(self, rule: str, place: str, amount: float) -> None:
        self.found[rule, place] = max(amount, self.found.get((rule, place), -math.inf))

    def most(self, rule: str, place: str, value: float, limit: float) -> None:
        if not value - limit <= TOLERANCE * max(1.0, abs(limit)) and value != limit:
            self.bad(rule, place, value - limit)

    def least(self, rule: str, place: str, value: float, limit: float) -> None:
        if not limit - value <= TOLERANCE * max(1.0, abs(limit)):
            self.bad(rule, place, limit - value)

    def same(self, rule: str, place: str, value: float, target: float, scale: float | None = None) -> None:
        if not abs(value - target) <= TOLERANCE * (max(1.0, abs(target)) if scale is None else scale):
            self.bad(rule, place, abs(value - target))

    def row_at(self, row: Doc) -> str:
        period = f", period {row['period']}" if "period" in row else ""
        return f"{row['demand']} at {row['hub']} by {self.label[row['route']]}{period}"

    def run(self) -> dict[tuple[str, str], float]:
        keys: set[Any] = set()
        for row in self.plan["assignments"]:
            self.row_rules(row)
            key = (row["demand"], self.label[row["route"]], row.get("period"))
            if key in keys:
                self.bad("duplicate", self.row_at(row), 1.0)
            keys.add(key)
        for name in self.routes:
            self.route_rules(name)
        for d in self.demands.values():
            self.serve_rules(d)
        self.group_rules()
        self.execution_rules()
        for name in self.hubs:
            self.hub_rules(name)
        for name in self.links:
            self.link_rules(name)
        self.policy_rules()
        naive_objectives.rules(self)
        protection_rules(self)
        for limit in limits(self, self.terms()):
            if not limit.soft:
                (self.least if limit.least else self.most)(limit.rule, limit.place, limit.value, limit.limit)
        return self.found

    def row_rules(self, row: Doc) -> None:
        d, r = self.demands[row["demand"]], self.routes[row["route"]]
        place, share = self.row_at(row), row["share"]
        self.least("share", place, share, 0.0)
        self.most("share", place, share, 1.0)
        per_period = d.get("timing") == "per_period"
        if per_period != ("period" in row):
            self.bad("timing", place, math.nan)
        elif per_period and not self.active(d, row["period"]):
            self.most("period", place, abs(share), 0.0)
        if d.get("placement") == "single" and abs(share - round(share)) > TOLERANCE:
            self.bad("single", place, abs(share - round(share)))
        if share <= TOLERANCE:
            return
        if r["node"] != d["node"] or r["hub"] != row["hub"]:
            self.bad("ends", place, share)
        if d.get("max_latency_ms") is not None and self.latency(r) > d["max_latency_ms"] + 1e-9:
            self.bad("latency", place, self.latency(r) - d["max_latency_ms"])
        if not self.allowed(d, row["hub"]):
            self.bad("residency", place, share)
        pin = d.get("fixed")
        if pin and (pin["hub"] != row["hub"] or pin.get("route") not in (None, r["links"])):
            self.bad("fixed", place, share)

    def allowed(self, d: Doc, hub: str) -> bool:
        tags, allowed, allowed_tags = self.hubs[hub].get("tags", []), d.get("allowed_hubs"), d.get("allowed_tags")
        good = allowed is None or hub in allowed
        good &= hub not in d.get("forbidden_hubs", [])
        good &= allowed_tags is None or any(tag in allowed_tags for tag in tags)
        return good and not any(tag in d.get("forbidden_tags", []) for tag in tags)

    def route_rules(self, name: str) -> None:
        r = self.routes[name]
        links = f": {', '.join(r['links'])}" if r["links"] else ""
        place = f"{self.label[name]} ({r['node']} > {r['hub']}{links})"
        if not math.isnan(self.latency(r)):
            self.same("stated_latency", place, r["latency_ms"], self.latency(r))
        used = max((a["share"] for a in self.plan["assignments"] if self.label[a["route"]] == name), default=0.0)
        if used > TOLERANCE:
            legal = tuple(r["links"]) in self.candidates(r["node"], r["hub"]) and not self.broken(r)
            if not legal:
                self.bad("route", place, used)

    def broken(self, r: Doc) -> bool:
        """A parallel or self-returning walk may name the right links; ends decide."""
        if self.doc.get("latency_matrix"):
            return bool(r["links"])
        place = r["node"]
        for name, against in self.arcs(r):
            m = self.links[name]
            if place != (m["b"] if against else m["a"]):
                return True
            place = m["a"] if against else m["b"]
        return bool(place != self.hubs[r["hub"]]["node"])

    def serve_rules(self, d: Doc) -> None:
        rows = [row for row in self.plan["assignments"] if row["demand"] == d["name"]]
        if d.get("timing") == "per_period":
            sums = {f"{d['name']}, period {t}": (t, 0.0) for t in self.periods if self.active(d, t)}
            for place, (t, _) in sums.items():
                sums[place] = (t, sum(row["share"] for row in rows if row.get("period") == t))
        else:
            sums = {d["name"]: (0, sum(row["share"] for row in rows if "period" not in row))}
        for place, (_, served) in sums.items():
            self.most("serve", place, served, 1.0)
            if not self.may_stay(d):
                self.least("serve", place, served, 1.0)
            elif d.get("placement") == "single" and abs((1 - served) - round(1 - served)) > TOLERANCE:
                self.bad("single", place, abs((1 - served) - round(1 - served)))

    def execution_rules(self) -> None:
        rows = {(r["demand"], r["hub"], r["route"]): r for r in reversed(self.plan["assignments"])}
        done: dict[Any, float] = defaultdict(float)
        seen: set[Any] = set()
        for e in self.plan.get("execution", []):
            key = (e["demand"], e["hub"], e["route"])
            place = f"{self.row_at(rows[key])}, period {e['period']}"
            if self.demands[e["demand"]].get("deferral"):
                self.least("execution", place, e["part"], 0.0)
            else:
                self.most("execution", place, abs(e["part"]), 0.0)
            if (key, e["period"]) in seen:
                self.bad("duplicate", place, 1.0)
            seen.add((key, e["period"]))
            done[key, e["period"]] += e["part"]
        for row in self.plan["assignments"]:
            d, key = self.demands[row["demand"]], (row["demand"], row["hub"], row["route"])
            if d.get("deferral"):
                mine = [done[key, t] if rows[key] is row else 0.0 for t in self.periods]
                self.deferral_rules(d, row, mine)

    def group_rules(self) -> None:
        at: dict[Any, float] = defaultdict(float)  # by demand, hub and period
        for row in self.plan["assignments"]:
            d = self.demands[row["demand"]]
            for t in self.periods:
                if (d.get("timing") == "per_period") == ("period" in row) and row.get("period", t) == t:
                    at[d["name"], row["hub"], t] += row["share"] if self.has_rows(d, t) else 0.0
        for kind in ("together", "apart"):
            for group in {d[kind] for d in self.demands.values() if d.get(kind)}:
                members = [d for d in self.demands.values() if d.get(kind) == group]
                for h in self.hubs:
                    for t in self.periods:
                        (self.together if kind == "together" else self.apart)(members, h, t, at)

    def has_rows(self, d: Doc, t: int) -> bool:
        return d.get("timing") != "per_period" or self.active(d, t)

    def together(self, members: list[Doc], h: str, t: int, at: dict[Any, float]) -> None:
        there = [d for d in members if self.has_rows(d, t)]
        first = min(there, key=lambda d: d.get("timing") == "per_period", default=None)
        for d in there:
            when = f", period {t}" if d.get("timing") == "per_period" else ""
            assert first is not None
            self.same("together", f"{d['name']} at {h}{when}", at[d["name"], h, t], at[first["name"], h, t], 1.0)

    def apart(self, members: list[Doc], h: str, t: int, at: dict[Any, float]) -> None:
        there = [d for d in members if at[d["name"], h, t] > TOLERANCE]
        fixed = [d for d in there if d.get("timing") != "per_period"]
        self.most("apart", f"{members[0]['apart']} at {h}", len(fixed), 1.0)
        if len(there) > len(fixed):
            self.most("apart", f"{members[0]['apart']} at {h}, period {t}", len(there), 1.0)

    def block_rule(self, d: Doc, x: float, e: list[float], place: str) -> None:
        series = [self.at(next(iter(d["amount"].values())), t) for t in self.periods]
        arrival = max(self.periods, key=lambda t: series[t])
        run = sum(series) / d["deferral"]["max_rate"]
        length = max(1, math.ceil(run - 1e-9))
        window = math.floor(d["deferral"]["window_h"] / self.hours[arrival] + 1e-9)
        inside = [t for t in self.periods if self.block_of[t] is self.block_of[arrival]]
        cyclic, p, best = self.block_of[arrival].get("kind", "open") == "cyclic", len(inside), math.inf
        for start in inside:
            wait = (start - arrival) % p if cyclic else start - arrival
            late = wait + length > window + 1 and not (cyclic and window + 1 >= p)
            if wait < 0 or late or length > p or (not cyclic and start + length > inside[-1] + 1):
                continue
            profile = dict.fromkeys(self.periods, 0.0)
            for i in range(length):
                profile[inside[(start - inside[0] + i) % p]] = min(1.0, run - i) / run
            best = min(best, max(abs(e[t] - x * profile[t]) for t in self.periods))
        self.most("block", place, best, 0.0)

    def deferral_rules(self, d: Doc, row: Doc, e: list[float]) -> None:
        x, place = row["share"], self.row_at(row)
        work = [sum(self.at(q, t) for q in d["amount"].values()) * self.hours[t] for t in self.periods]
        if sum(work) == 0:
            return
        if d["deferral"].get("mode") == "block":
            self.block_rule(d, x, e, place)
            return
        alpha = [w / sum(work) for w in work]
        first = sum(self.at(next(iter(d["amount"].values())), t) * self.hours[t] for t in self.periods)
        if d["deferral"].get("max_rate") is not None:
            for t in self.periods:
                value = first / self.hours[t] * e[t]
                self.most("rate", f"{place}, period {t}", value, d["deferral"]["max_rate"] * x)
        start = 0
        for b in self.blocks:
            p = b["periods"]
            inside = range(start, start + p)
            n = math.floor(d["deferral"]["window_h"] / self.hours[start] + 1e-9)
            gap = [x * sum(alpha[start : t + 1]) - sum(e[start : t + 1]) for t in inside]  # arrived, not done
            end = abs(gap[-1])
            if b.get("kind", "open") == "open":
                late = [gap[k] - x * sum(alpha[max(start, start + k - n + 1) : start + k + 1]) for k in range(p)]
                amount = max(end, *late, *(-g for g in gap))
            else:
                recent = [x * sum(alpha[start + (k - j) % p] for j in range(min(n, p))) for k in range(p)]
                low = max(0.0, *(-g for g in gap))
                high = min(recent[k] - gap[k] for k in range(p))
                amount = max(end, (low - high) / 2)
            self.most("defer", f"{place}, block {b['name']}", amount, 0.0)
            start += p

    def module_rules(self, rule: str, name: str, x: Doc, row: Doc) -> None:
        built = {m["name"]: m["count"] for m in row.get("modules", [])}
        for m in x.get("modules", []):
            kind = m.get("name", "module")
            self.most(rule, f"{name}, {kind}", built.get(kind, 0), m["max_count"] * row["open"])

    def status_rule(self, kind: str, name: str, x: Doc, row: Doc) -> None:
        if x.get("status", "open") != "optional" and row["open"] != (x.get("status", "open") == "open"):
            self.bad("status", f"{kind} {name}", 1.0)

    def hub_rules(self, name: str) -> None:
        h, s = self.hubs[name], self.sites[name]
        self.status_rule("hub", name, h, s)
        self.module_rules("modules", name, h, s)
        used = max((a["share"] for a in self.plan["assignments"] if a["hub"] == name), default=0.0)
        self.most("open", name, min(used, 1.0), float(s["open"]))
        built = {m["name"]: m["count"] for m in s.get("modules", [])}
        kinds = [(m, built.get(m.get("name", "module"), 0)) for m in h.get("modules", [])]
        connection = h.get("connection_limit_kw")
        contracts = {c["name"]: c for c in h.get("contracts", [])}
        for t in self.periods:
            for r in [x["name"] for x in self.doc["resources"]]:
                self.most("capacity", f"{name}, {r}, period {t}", self.load[name, r, t], self.installed(name, r, t))
            place = f"{name}, period {t}"
            self.least("grid", place, s["grid_kw"][t], 0.0)
            limit = math.inf if connection is None else connection
            limit += sum(m.get("connection_kw", 0.0) * count for m, count in kinds)
            self.most("connection", place, self.power[name, t], limit)
            for c in s.get("contract_kw", []):
                there = f"{name}, {c['name']}, period {t}"
                self.most("contract", there, c["kw"][t], self.at(contracts[c["name"]]["available_kw"], t) * s["open"])
                self.least("contract", there, c["kw"][t], 0.0)
        naive_supply.rules(self, name)

    def link_rules(self, name: str) -> None:
        m, s = self.links[name], self.spans[name]
        self.status_rule("link", name, m, s)
        self.module_rules("link_modules", name, m, s)
        over = [r["name"] for r in self.routes.values() if name in r["links"]]
        used = max((a["share"] for a in self.plan["assignments"] if a["route"] in over), default=0.0)
        self.most("link_open", name, min(used, 1.0), float(s["open"]))
        for t in self.periods:
            for against in (False, True):
                ends = (m["b"], m["a"]) if against else (m["a"], m["b"])
                place = f"{name}, {ends[0]} to {ends[1]}, period {t}"
                self.most("bandwidth", place, self.arc[name, against, t], self.bandwidth(name, against, t))

    def bandwidth(self, name: str, against: bool, t: int) -> float:
        m, s = self.links[name], self.spans[name]
        if against and m.get("directed"):
            return 0.0
        built = {k["name"]: k["count"] for k in s.get("modules", [])}
        own = m.get("capacity_gbps")
        limit = (math.inf if own is None else self.at(own, t)) if s["open"] else 0.0
        limit += sum(k["capacity_gbps"] * built.get(k.get("name", "module"), 0) for k in m.get("modules", []))
        return float(limit)

    def policy_rules(self) -> None:
        policy, terms = self.doc.get("policy", {}), self.terms()
        count = sum(self.sites[n]["open"] for n, h in self.hubs.items() if h.get("status") != "closed")
        rule = policy.get("open_hubs") or {}
        exact = rule.get("exact")
        most, least = (rule.get("max"), rule.get("min")) if exact is None else (exact, exact)
        self.most("open_hubs", "policy, at most", count, math.inf if most is None else most)
        self.least("open_hubs", "policy, at least", count, 0 if least is None else least)
        total = sum(self.carbon.values())
        scale = max(1.0, sum(abs(v) for v in terms.values()))
        stated = {row["name"]: row["cost"] for row in self.plan["terms"]}
        for name in {*terms, *stated}:
            self.same("term", name, stated.get(name, 0.0), terms.get(name, 0.0), scale)
        self.same("stated_carbon", "plan", self.plan["carbon_kg"], total)
        for account, kg in self.plan.get("carbon_accounts", {}).items():
            self.same("stated_carbon", account, kg, sum(naive_supply.carbon(self, account).values()))
