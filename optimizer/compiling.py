"""The border between names and units outside and indices and arrays inside, in both directions.

`compile_problem` turns an instance into the numeric problem; `decode` turns numbers back into decisions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from instances.columnar import Series
from instances.instance import OPEN, OPTIONAL, Instance
from instances.routes import Routes, candidate_routes
from optimizer import protecting
from optimizer.compiling_policy import policy_data
from optimizer.compiling_supply import supply_of
from optimizer.moves import moves_against
from optimizer.plan import Assignments, Decisions, Execution, Incumbent, PlanBackups, PlanRoutes, Power, Sites
from solvers.model import Amounts, Backups, Clock, Options, Overrides, Problem, SiteData
from solvers.model.backups import users as backup_users
from solvers.model.columns import PART, SHARE, Columns
from solvers.model.options import Floats, Ints
from solvers.model.site import Site, table

SMALL_SHARE = 1e-9  # shares and parts below are noise of the solver


def useful_routes(instance: Instance) -> Routes:
    """Candidate routes within the largest latency limit of the demands at each node."""
    limit = np.zeros(len(instance.nodes))
    np.maximum.at(limit, instance.demands.node, instance.demands.max_latency_ms)
    return candidate_routes(instance, limit_ms=limit)


def compile_problem(
    instance: Instance, routes: Routes | None = None, incumbent: Incumbent | None = None, *,
    backups_of: Instance | None = None,
) -> Problem:  # fmt: skip
    """The numeric problem of an instance; linear in the number of demands.

    routes: default `useful_routes`; incumbent: what moves are measured against, if they count; backups_of: backups,
    and what counts as moved, keep the limits that demands have in this instance.
    """
    routes = useful_routes(instance) if routes is None else routes
    time = instance.time
    clock = Clock(time.hours, time.weighted_hours, time.block, time.block_cyclic)
    options = _options(instance, routes, clock, protecting.compiled(backups_of or instance, routes))
    if incumbent is not None:
        own = options if backups_of is None else _options(backups_of, routes, clock, None)
        options = replace(options, moves=moves_against(backups_of or instance, own, incumbent))
    return Problem(options, _site(instance, options))


def _amounts(series: Series) -> Amounts:
    return Amounts(series.scale, series.row, series.table)


def _options(instance: Instance, routes: Routes, clock: Clock, backups: Backups | None) -> Options:
    demands, hubs = instance.demands, instance.hubs
    pin_hub, pin_candidate = _pins(instance, routes)
    over = demands.overrides
    overrides = Overrides(
        over.demand.astype(np.int64) * len(hubs) + over.hub, over.has_amount, _amounts(over.amount), over.cost
    )
    window = np.zeros(len(demands), dtype=np.int32)
    late = demands.deferrable
    if late.any():  # periods are then of equal length
        window[late] = np.minimum(np.floor(demands.window_h[late] / clock.hours[0] + 1e-9), len(clock)).astype(np.int32)
    return Options(
        hubs=len(hubs),
        links=len(instance.links),
        clock=clock,
        candidates=protecting.candidates(instance, routes),
        node=demands.node,
        limit=demands.max_latency_ms,
        hubset=demands.residency,
        hubsets=demands.residency_rules.allowed,
        single=demands.single,
        per_period=demands.per_period,
        deferrable=demands.deferrable,
        window=window,
        max_rate=np.where(demands.deferrable, demands.max_rate, np.inf),
        first_resource=demands.first_resource,
        penalty=demands.unserved_penalty_per_unit_h,
        pin_hub=pin_hub,
        pin_candidate=pin_candidate,
        amount=_amounts(demands.amount),
        traffic=_amounts(demands.traffic_gbps),
        traffic_back=_amounts(demands.traffic_back_gbps),
        overrides=overrides,
        optional_hub=hubs.status == OPTIONAL,
        optional_link=instance.links.status == OPTIONAL,
        backups=backups,
        latency_price=instance.policy.latency_price_per_gbps_ms_h,
        block=demands.block,
        together=demands.together,
        apart=demands.apart,
        budgeted=bool(instance.policy.budget.given[0]),
    )


def _pins(instance: Instance, routes: Routes) -> tuple[Ints, Ints]:
    """(D,) pinned hub and pinned candidate; len(routes), which is none, where the pinned route is no candidate."""
    pins, links = instance.demands.fixed, instance.links
    hub = np.full(len(instance.demands), -1, dtype=np.int32)
    candidate = hub.copy()
    hub[pins.demand] = pins.hub
    for d, h, names in zip(pins.demand, pins.hub, pins.route, strict=True):
        if names is None:
            continue
        wanted = [links.names.find(name) for name in names]
        candidate[d] = len(routes.node)
        for k in np.flatnonzero((routes.node == instance.demands.node[d]) & (routes.hub == h)):
            if list(routes.arcs[routes.arc_start[k] : routes.arc_start[k + 1]] // 2) == wanted:
                candidate[d] = k
    return hub, candidate


def _site(instance: Instance, options: Options) -> SiteData:
    hubs, links, policy = instance.hubs, instance.links, instance.policy
    users_hub, users_link = _users(options)
    return SiteData(
        clock=options.clock,
        ties=options.ties,
        hub_open=hubs.status == OPEN,
        hub_optional=hubs.status == OPTIONAL,
        hub_cost=np.where(hubs.existing, 0.0, hubs.opening_cost),
        capacity=hubs.capacity.dense(),
        hub_module_hub=hubs.modules.hub,
        hub_module_capacity=hubs.modules.capacity,
        hub_module_kw=hubs.modules.connection_kw,
        hub_module_cost=hubs.modules.cost,
        hub_module_max=hubs.modules.max_count,
        pue=hubs.pue.dense(),
        idle_kw=hubs.idle_kw,
        power_kw=hubs.power_kw_per_unit,
        energy_price=hubs.energy_price_per_kwh.dense(),
        carbon_factor=hubs.carbon_kg_per_kwh.dense(),
        connection_kw=hubs.connection_limit_kw,
        contract_hub=hubs.contracts.hub,
        contract_kw=hubs.contracts.available_kw.dense(),
        contract_price=hubs.contracts.price_per_kwh.dense(),
        hub_carbon_cap=hubs.carbon_cap_kg,
        hub_carbon_cap_price=hubs.carbon_cap_price,
        carbon_cap=policy.carbon_cap_kg,
        carbon_cap_price=policy.carbon_cap_price,
        carbon_price=policy.carbon_price_per_kg,
        open_hubs_min=policy.open_hubs_min,
        open_hubs_max=policy.open_hubs_max,
        link_open=links.status == OPEN,
        link_optional=links.status == OPTIONAL,
        link_directed=links.directed,
        link_cost=links.opening_cost,
        bandwidth=links.capacity_gbps.dense(),
        link_module_link=links.modules.link,
        link_module_gbps=links.modules.capacity_gbps,
        link_module_cost=links.modules.cost,
        link_module_max=links.modules.max_count,
        users_hub=users_hub,
        users_link=users_link,
        move_limit=policy.move_limit,
        move_limit_price=policy.move_limit_price,
        policy=policy_data(instance),
        supply=supply_of(instance),
        reserves=options.reserves,
    )


def _users(options: Options) -> tuple[Floats, Floats]:
    """Most shares and backups at each hub (H,) and over each link (L,): demands (per_period: with each period)."""
    if not (options.optional_hub.any() or options.optional_link.any()):
        return np.zeros(options.hubs), np.zeros(options.links)
    at_hub, over_link = backup_users(options)
    shares = np.where(options.per_period, options.covered.sum(axis=1), 1).astype(float)
    for node, group in options.by_node(np.arange(len(options), dtype=np.int32)):
        mask = options.mask(node, group)
        span = np.arange(options.candidates.node_start[node], options.candidates.node_start[node + 1])
        hubs, column = np.unique(options.candidates.hub[span], return_inverse=True)
        for i, h in enumerate(hubs):
            at_hub[h] += shares[group] @ mask[:, column.reshape(-1) == i].any(axis=1)
        links = options.optional_links[span]
        over_link += ((mask @ links) > 0).T @ shares[group]
    return at_hub, over_link


def decode(
    instance: Instance, columns: Columns, site: Site, routes: Routes, values: Floats, site_values: Floats
) -> Decisions:
    """Decisions from values of the option columns and site variables. Shares and parts below 1e-9 are dropped."""
    chosen = np.flatnonzero((columns.kind == SHARE) & (values > SMALL_SHARE))
    backup_demand, backup_route, backup_period = protecting.chosen(columns, values)
    if len(backup_route):  # the candidates keep their places
        routes = protecting.backup_routes(instance, routes).routes
    used, row = np.unique(np.concatenate([columns.candidate[chosen], backup_route]), return_inverse=True)
    place: Ints = row.reshape(-1).astype(np.int32)
    plan_routes = PlanRoutes(
        node=routes.node[used],
        hub=routes.hub[used],
        latency_ms=routes.latency_ms[used],
        arcs=tuple(tuple(int(a) for a in routes.arcs[routes.arc_start[k] : routes.arc_start[k + 1]]) for k in used),
    )
    backups = PlanBackups(backup_demand, routes.hub[backup_route], place[len(chosen) :], backup_period)
    assignments = Assignments(
        demand=columns.demand[chosen],
        hub=routes.hub[columns.candidate[chosen]],
        route=place[: len(chosen)],
        share=np.minimum(values[chosen], 1.0),
        period=columns.period[chosen],
    )
    parts = np.flatnonzero((columns.kind == PART) & (values > SMALL_SHARE))
    key = columns.demand.astype(np.int64) * (len(routes.node) + 1) + columns.candidate
    order = np.argsort(key[chosen], kind="stable")
    at = np.searchsorted(key[chosen], key[parts], sorter=order)
    at = order[np.minimum(at, max(len(order) - 1, 0))] if len(order) else at
    known = key[chosen][at] == key[parts] if len(order) else np.zeros(len(parts), bool)
    execution = Execution(at[known].astype(np.int32), columns.period[parts[known]], values[parts[known]])
    sites = Sites(
        hub_open=site.values("open", site_values) > 0.5,
        link_open=site.values("link_open", site_values) > 0.5,
        hub_modules=np.round(site.values("modules", site_values)).astype(np.int32),
        link_modules=np.round(site.values("link_modules", site_values)).astype(np.int32),
    )
    return Decisions(assignments, execution, plan_routes, sites, _power(instance, site, site_values), backups)


def _power(instance: Instance, site: Site, site_values: Floats) -> Power:
    """The variables of power by family; 0 where there is none."""
    hubs, periods = instance.hubs, instance.time.count

    def values(family: str, rows: int) -> Floats:
        numbers = table(site.labels, family, (rows, periods))
        return np.where(numbers >= 0, np.maximum(site_values[numbers], 0.0), 0.0)

    families = ("grid", "contract", "onsite", "charge", "discharge", "stored", "certified")
    return Power(*(values(name, len(hubs.contracts.names if name == "contract" else hubs)) for name in families))
