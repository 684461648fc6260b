"""From the parts of a ``metro`` instance to its tables: the columns that reading its files gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from instances.build import freeze
from instances.columnar import Names, Series
from instances.generators.draws import Floats, Needs, Sites
from instances.generators.network import Network
from instances.instance import (
    OPEN,
    OPTIONAL,
    Batteries,
    Contracts,
    Demands,
    HubModules,
    Hubs,
    Instance,
    LinkModules,
    Links,
    Nodes,
    Origin,
    Overrides,
    Pins,
    Policy,
    Residency,
    Resources,
    Time,
)
from instances.limits import Limits, TagShares
from instances.objectives import COST

SOUTH, WEST = 48.0, 5.0  # corner of the plane, degrees
KM_PER_DEGREE = (111.2, 71.5)  # of latitude, and of longitude at 50 degrees north


@dataclass(frozen=True)
class Metro:
    """The parts. access_ms: (N,); link_capacity: (L,); capacity, idle_kw, opening_cost: (H,); carbon_cap: kg, inf
    for none. Hubs are optional where any opening cost is not zero."""

    name: str
    description: str
    time: Time
    network: Network
    access_ms: Floats
    link_capacity: Floats
    sites: Sites
    capacity: Floats
    idle_kw: Floats
    opening_cost: Floats
    needs: Needs
    carbon_cap: float


def to_instance(metro: Metro) -> Instance:
    """The instance, its arrays read-only."""
    periods = metro.time.count
    made = Instance(
        name=metro.name,
        title="Generated metro network",
        description=metro.description,
        currency="EUR",
        timezone="Europe/Berlin",
        provenance=(Origin("*", "estimate", "drawn at random by the generator `metro`", "docs/generators.md"),),
        time=metro.time,
        resources=Resources(Names(["server"]), ("servers",), ("one server, about 0.5 kW of IT load",)),
        profiles=Names([]),
        profile_table=np.empty((0, periods)),
        nodes=_nodes(metro),
        links=_links(metro),
        latency_matrix=None,
        hubs=_hubs(metro),
        demands=_demands(metro),
        policy=Policy(
            carbon_price_per_kg=0.0,
            carbon_cap_kg=metro.carbon_cap,
            open_hubs_min=0,
            open_hubs_max=len(metro.capacity),
            latency_price_per_gbps_ms_h=0.0,
            carbon_cap_price=np.nan,
            move_limit=np.inf,
            move_limit_price=np.nan,
            objective=COST,
            budget=Limits.none(),
            green_share_min=Limits.none(),
            tag_shares=TagShares.none(),
            market_account=False,
            marginal_carbon=False,
            water_price_per_l=0.0,
        ),
        route_candidates=3,
    )
    freeze(made)
    return made


def _constant(values: Floats, table: Floats) -> Series:
    return Series(values, np.full(values.shape, -1, dtype=np.int32), table)


def _integers(count: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.zeros(count, dtype=np.int32)


def _nodes(metro: Metro) -> Nodes:
    network, count = metro.network, len(metro.access_ms)
    return Nodes(
        names=Names([f"n{i}" for i in range(1, count + 1)]),
        label=("",) * count,
        latitude=np.round(SOUTH + network.y_km / KM_PER_DEGREE[0], 5),
        longitude=np.round(WEST + network.x_km / KM_PER_DEGREE[1], 5),
        access_latency_ms=metro.access_ms,
        transit=np.ones(count, dtype=np.bool_),
    )


def _links(metro: Metro) -> Links:
    network, count, periods = metro.network, len(metro.network.a), metro.time.count
    return Links(
        names=Names([f"n{a + 1}--n{b + 1}" for a, b in zip(network.a.tolist(), network.b.tolist(), strict=True)]),
        a=network.a,
        b=network.b,
        latency_ms=network.latency_ms,
        capacity_gbps=_constant(metro.link_capacity, np.empty((0, periods))),
        price_per_gbps_h=network.price,
        directed=np.zeros(count, dtype=np.bool_),
        status=np.full(count, OPEN, dtype=np.int8),
        opening_cost=np.zeros(count),
        modules=LinkModules((), _integers(), np.empty(0), np.empty(0), _integers()),
    )


def _hubs(metro: Metro) -> Hubs:
    sites, count, periods = metro.sites, len(metro.capacity), metro.time.count
    nodes = _nodes(metro)
    table = np.concatenate([sites.price, sites.carbon])
    rows = np.arange(2 * count, dtype=np.int32)
    nothing = _constant(np.empty(0), np.empty((0, periods)))
    optional = bool((metro.opening_cost > 0).any())
    return Hubs(
        names=Names([f"h{i}" for i in range(1, count + 1)]),
        label=("",) * count,
        node=sites.node,
        latitude=nodes.latitude[sites.node],
        longitude=nodes.longitude[sites.node],
        tags=((),) * count,
        access_latency_ms=sites.access_ms,
        status=np.full(count, OPTIONAL if optional else OPEN, dtype=np.int8),
        opening_cost=metro.opening_cost,
        capacity=_constant(metro.capacity[:, None], table),
        modules=HubModules((), _integers(), np.empty((0, 1)), np.empty(0), np.empty(0), _integers()),
        pue=_constant(sites.pue, table),
        idle_kw=metro.idle_kw,
        power_kw_per_unit=sites.power_kw[:, None],
        energy_price_per_kwh=Series(np.ones(count), rows[:count], table),
        carbon_kg_per_kwh=Series(np.ones(count), rows[count:], table),
        carbon_may_be_negative=np.zeros(count, dtype=np.bool_),
        connection_limit_kw=np.full(count, np.inf),
        contracts=Contracts(
            (), _integers(), nothing, nothing, np.empty(0, dtype=np.bool_), nothing, np.empty(0, dtype=np.bool_)
        ),
        carbon_cap_kg=np.full(count, np.inf),
        carbon_cap_price=np.full(count, np.nan),
        existing=np.zeros(count, bool),
        closing_cost=np.zeros(count),
        min_utilisation=Limits.none((count, 1)),
        max_utilisation=Limits.none((count, 1)),
        onsite_kw=_constant(np.zeros(count), table),
        batteries=Batteries(_integers(), *(np.empty(0) for _ in range(6))),
        demand_charge_per_kw_month=np.zeros(count),
        certificate_price_per_kwh=np.full(count, np.nan),
        marginal_carbon_kg_per_kwh=_constant(np.full(count, np.nan), table),
        residual_carbon_kg_per_kwh=_constant(np.full(count, np.nan), table),
        water_l_per_kwh=np.zeros(count),
    )


def _demands(metro: Metro) -> Demands:
    needs, count = metro.needs, len(metro.needs.node)
    row = np.arange(count, dtype=np.int32)
    no = np.zeros(count, dtype=np.bool_)
    everywhere = Residency((None,), ((),), (None,), ((),), np.ones((1, len(metro.capacity)), dtype=np.bool_))
    return Demands(
        names=Names([f"d{i}" for i in range(1, count + 1)]),
        label=(),
        tags=(),
        node=needs.node,
        amount=Series(np.ones((count, 1)), row[:, None], needs.amount),
        first_resource=_integers(count),
        traffic_gbps=Series(needs.per_unit, row, needs.amount),
        traffic_per_unit=needs.per_unit,
        traffic_back_gbps=_constant(np.zeros(count), needs.amount),
        max_latency_ms=needs.limit_ms,
        single=~no,
        per_period=no,
        unserved_penalty_per_unit_h=np.full(count, np.nan),
        residency=_integers(count),
        residency_rules=everywhere,
        deferrable=no,
        window_h=np.full(count, np.nan),
        max_rate=np.full(count, np.inf),
        fixed=Pins(_integers(), _integers(), ()),
        overrides=Overrides(
            _integers(),
            _integers(),
            np.empty(0, dtype=np.bool_),
            _constant(np.empty((0, 1)), needs.amount),
            np.empty(0),
        ),
        block=no,
        together=np.full(count, -1, dtype=np.int32),
        apart=np.full(count, -1, dtype=np.int32),
        together_groups=(),
        apart_groups=(),
        migration_cost=np.zeros(count),
        protection=np.zeros(count, dtype=np.int8),
    )
