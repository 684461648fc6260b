"""``metro``: cities, a network, hubs that differ in price and carbon, single-source demands (docs/generators.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instances.findings import Finding, InvalidInstance, error
from instances.generators.draws import Floats, Needs, Sites, clock, draw_needs, draw_sites
from instances.generators.network import Network, Trees, draw_network, shortest_trees
from instances.generators.reference import Reference, reference_plan
from instances.generators.tables import Metro, to_instance
from instances.instance import Instance, Time

LINK_ROOM = (1.0, 1.2)  # capacity of a link over its traffic in the reference plan
IDLE = 0.02  # idle power over the power of a full hub
MOST_DEMANDS, MOST_HUBS, MOST_PERIODS = 10_000_000, 1000, 8784


@dataclass(frozen=True)
class Options:
    """What the caller chooses; see ``generate_metro``."""

    demands: int
    hubs: int
    periods: int
    seed: int
    tight: float = 0.85
    opening_cost: float = 0.0
    carbon_cap: float | None = None
    tail: str = "normal"

    def findings(self) -> list[Finding]:
        """What is wrong with the options."""
        found = []
        for name, low, high in (
            ("demands", 10, MOST_DEMANDS),
            ("hubs", 2, MOST_HUBS),
            ("periods", 1, MOST_PERIODS),
            ("seed", 0, 2**63 - 1),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                found.append(error("option", name, value, f"a whole number from {low} to {high}"))
        for name, value, most in (
            ("tight", self.tight, 1.0),
            ("opening_cost", self.opening_cost, 1e6),
            ("carbon_cap", self.carbon_cap, 1e6),
        ):
            if value is None and name == "carbon_cap":
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            zero_is_good = name == "opening_cost"
            if not number or value is None or not 0.0 <= value <= most or (value == 0.0 and not zero_is_good):
                least = "from 0 to" if zero_is_good else "above 0, up to"
                found.append(error("option", name, value, f"a number {least} {most:g}"))
        if self.tail not in ("normal", "heavy"):
            found.append(error("option", "tail", self.tail, "`normal` or `heavy`"))
        return found


def generate_metro(
    *,
    demands: int,
    hubs: int,
    periods: int,
    seed: int,
    tight: float = 0.85,
    opening_cost: float = 0.0,
    carbon_cap: float | None = None,
    tail: str = "normal",
) -> Instance:
    """A ``metro`` instance, the same for the same arguments.

    tight: load / capacity in the fullest period; opening_cost: opening cost over variable cost of the reference plan
    (above 0 all hubs are optional and capacities double); carbon_cap: fraction of its carbon; tail: ``normal`` or
    ``heavy`` sizes. Raises InvalidInstance with all findings if an argument is out of range.
    """
    options = Options(demands, hubs, periods, seed, tight, opening_cost, carbon_cap, tail)
    if found := options.findings():
        raise InvalidInstance(found)
    rng = np.random.default_rng(seed)
    time = clock(periods)
    network = draw_network(rng, node_count(demands, hubs))
    access = np.round(rng.uniform(0.05, 0.3, len(network.x_km)), 3)
    sites = draw_sites(rng, time, len(network.x_km), hubs)
    trees = shortest_trees(network, sites.node)
    latency = access[:, None] + trees.latency_ms + sites.access_ms[None, :]
    needs = draw_needs(rng, time, network.weight, latency, demands, tail)
    planned = _first_capacity(needs, sites, latency, tight)
    plan = reference_plan(needs.amount, planned, _Costs(time, needs, sites, trees, latency))
    capacity = _final_capacity(plan.used, planned)
    idle = np.round(IDLE * capacity * sites.power_kw, 6)
    links = _link_capacity(rng, network, trees, needs, plan)
    return to_instance(
        Metro(
            name=_name(options),
            description=_description(options),
            time=time,
            network=network,
            access_ms=access,
            link_capacity=links,
            sites=sites,
            capacity=capacity * (2.0 if opening_cost > 0 else 1.0),
            idle_kw=idle,
            opening_cost=_opening_costs(rng, options, plan, capacity, idle, sites, time),
            needs=needs,
            carbon_cap=_carbon_cap(options, plan, idle, sites, time),
        )
    )


def node_count(demands: int, hubs: int) -> int:
    """Nodes of the network: at least 220 from 10,000 demands on, and at least twice the hubs."""
    return max(2 * hubs, 40 + min(demands, 10_000) // 50)


@dataclass(frozen=True)
class _Costs:
    """Money for serving whole demands at hubs over the shortest route: energy of the load plus the network."""

    time: Time
    needs: Needs
    sites: Sites
    trees: Trees
    latency: Floats

    def __call__(self, demands: NDArray[np.int64]) -> Floats:
        """(n, H); inf where the route is too long."""
        weight, sites, node = self.time.weighted_hours, self.sites, self.needs.node[demands]
        amount = self.needs.amount[demands]
        energy = (sites.pue * sites.power_kw)[:, None] * sites.price * weight
        cost = amount @ energy.T
        cost += (amount @ weight * self.needs.per_unit[demands])[:, None] * self.trees.price[node]
        cost[self.latency[node] > self.needs.limit_ms[demands, None]] = np.inf
        return np.asarray(cost)


def _first_capacity(needs: Needs, sites: Sites, latency: Floats, tight: float) -> Floats:
    """(H,) capacities, load / tight in sum: each hub's part of the load if demands were spread evenly over the hubs
    within their limit, times its size."""
    total = needs.amount.sum(axis=0)
    weight = needs.amount[:, int(total.argmax())]
    nearest = np.argsort(latency, axis=1, kind="stable")
    within = np.sort(latency, axis=1)
    around = np.zeros(len(sites.node))
    for n in np.unique(needs.node):
        mine = np.flatnonzero(needs.node == n)
        reach = np.searchsorted(within[n], needs.limit_ms[mine], side="right")
        by_reach = np.bincount(reach, weights=weight[mine], minlength=latency.shape[1] + 1)[1:]
        share = by_reach / np.arange(1, len(by_reach) + 1)
        around[nearest[n]] += share[::-1].cumsum()[::-1]
    wanted = around * sites.size
    return np.asarray(wanted * (total.max() / tight / wanted.sum()))


def _final_capacity(used: Floats, planned: Floats) -> Floats:
    """The planned capacities, raised to what the reference plan needs, and its free room cut to keep the sum."""
    need = used.max(axis=1)
    capacity = np.maximum(planned, need)
    free = capacity - need
    excess = capacity.sum() - planned.sum()
    if excess > 0:
        capacity = capacity - free * min(1.0, excess / free.sum() if free.sum() > 0 else 0.0)
    return round_up(capacity)


def round_up(values: Floats, digits: int = 7) -> Floats:
    """Values rounded up to that many significant digits."""
    step = 10.0 ** (np.floor(np.log10(np.maximum(values, 1e-9))) - digits + 1)
    return np.asarray(np.round(np.ceil(values / step) * step, 9))


def _link_capacity(rng: np.random.Generator, network: Network, trees: Trees, needs: Needs, plan: Reference) -> Floats:
    """(L,) a random factor times the traffic of the reference plan in its fuller direction and fullest period; at
    least a quarter of the median over the links in use."""
    hubs, nodes = trees.link.shape
    pair = plan.hub.astype(np.int64) * nodes + needs.node
    traffic = np.empty((hubs * nodes, needs.amount.shape[1]))
    for t in range(traffic.shape[1]):
        traffic[:, t] = np.bincount(pair, weights=needs.amount[:, t] * needs.per_unit, minlength=hubs * nodes)
    flow = trees.arc_flow(network, traffic.reshape(hubs, nodes, -1))
    most = flow.max(axis=1).reshape(-1, 2).max(axis=1)
    floor = 0.25 * float(np.median(most[most > 0])) if (most > 0).any() else 1.0
    return round_up(np.maximum(most * rng.uniform(*LINK_ROOM, len(most)), floor))


def _opening_costs(
    rng: np.random.Generator,
    options: Options,
    plan: Reference,
    capacity: Floats,
    idle: Floats,
    sites: Sites,
    time: Time,
) -> Floats:
    """(H,) in sum over the hubs that the reference plan uses ``opening_cost`` times its variable cost."""
    relative = capacity * rng.uniform(0.7, 1.3, len(capacity))
    if options.opening_cost == 0.0:
        return np.zeros(len(capacity))
    in_use = plan.used.max(axis=1) > 0
    idle_cost = float(np.sum((idle * sites.pue)[in_use, None] * sites.price[in_use] * time.weighted_hours))
    total = options.opening_cost * (float(plan.cost.sum()) + idle_cost)
    return np.asarray(np.round(relative * total / relative[in_use].sum(), 2))


def _carbon_cap(options: Options, plan: Reference, idle: Floats, sites: Sites, time: Time) -> float:
    """Kilograms over the horizon: a fraction of the reference plan's carbon, idle hubs included; inf without cap."""
    if options.carbon_cap is None:
        return math.inf
    kw = sites.pue[:, None] * (idle[:, None] + sites.power_kw[:, None] * plan.used)
    return float(np.round(options.carbon_cap * np.sum(kw * sites.carbon * time.weighted_hours), 3))


def _name(options: Options) -> str:
    parts = [f"metro-{options.demands}x{options.hubs}x{options.periods}-s{options.seed}"]
    parts += [f"tight{options.tight:g}"] if options.tight != 0.85 else []
    parts += [f"open{options.opening_cost:g}"] if options.opening_cost else []
    parts += [f"cap{options.carbon_cap:g}"] if options.carbon_cap is not None else []
    parts += [options.tail] if options.tail != "normal" else []
    return "-".join(parts)


def _description(options: Options) -> str:
    cap = "no carbon cap" if options.carbon_cap is None else f"carbon cap {options.carbon_cap:g} of its carbon"
    return (
        f"Generated by `metro`: {options.demands} demands, {options.hubs} hubs, {options.periods} periods, seed "
        f"{options.seed}; tight {options.tight:g}; opening cost {options.opening_cost:g} of the variable cost of the "
        f"reference plan; {cap}; {options.tail} tail. Money and carbon are for a year."
    )
