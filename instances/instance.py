"""The immutable, columnar instance: tables of numpy columns with one list of names each.

Shapes use D demands, H hubs, R resources, T periods, N nodes, L links. Arrays are read-only. Nothing here
reads files or judges values; ``reading`` builds these tables and ``rules`` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from instances.columnar import Bools, Floats, Ints, Names, Series, Table, later_column
from instances.limits import Limits, TagShares
from instances.objectives import COST, Objective

OPEN, OPTIONAL, CLOSED = 0, 1, 2
STATUS = ("open", "optional", "closed")
NONE, HUB, LINK = 0, 1, 2
PROTECTION = ("none", "hub", "link")


@dataclass(frozen=True)
class Time:
    """Periods in blocks."""

    block_names: Names
    block_start: tuple[str, ...]  # ISO 8601 with offset
    block_cyclic: Bools  # (B,)
    block_weight: Floats  # (B,) occurrences in the horizon
    block: Ints  # (T,) block of each period
    hours: Floats  # (T,) length of each period

    @property
    def count(self) -> int:
        return len(self.hours)

    @cached_property
    def weighted_hours(self) -> Floats:
        """(T,) hours that each period stands for in the horizon: block weight x hours."""
        return self.block_weight[self.block] * self.hours

    def start(self, b: int) -> int:
        """First period of block b."""
        return int(np.searchsorted(self.block, b))


@dataclass(frozen=True)
class Resources(Table):
    names: Names
    label: tuple[str, ...]
    unit: tuple[str, ...]


@dataclass(frozen=True)
class Nodes(Table):
    names: Names
    label: tuple[str, ...]
    latitude: Floats  # (N,) nan: not given
    longitude: Floats
    access_latency_ms: Floats
    transit: Bools


@dataclass(frozen=True)
class LinkModules:
    """One row per kind of module of a link."""

    names: tuple[str, ...]
    link: Ints
    capacity_gbps: Floats
    cost: Floats
    max_count: Ints


@dataclass(frozen=True)
class Links(Table):
    names: Names
    a: Ints  # (L,) node
    b: Ints
    latency_ms: Floats
    capacity_gbps: Series  # (L,) each direction; inf: unlimited
    price_per_gbps_h: Floats
    directed: Bools
    status: NDArray[np.int8]  # OPEN, OPTIONAL, CLOSED
    opening_cost: Floats
    modules: LinkModules


@dataclass(frozen=True)
class LatencyMatrix:
    """Node-to-hub latencies instead of a network. Rows and columns are nodes and hubs of the instance."""

    nodes: Ints  # (n,)
    hubs: Ints  # (m,)
    latency_ms: Floats  # (n, m); nan: no connection
    price_per_gbps_h: Floats  # (n, m)


@dataclass(frozen=True)
class HubModules:
    """One row per kind of module of a hub."""

    names: tuple[str, ...]
    hub: Ints
    capacity: Floats  # (M, R)
    connection_kw: Floats
    cost: Floats
    max_count: Ints


@dataclass(frozen=True)
class Contracts:
    """One row per energy contract of a hub."""

    names: tuple[str, ...]
    hub: Ints
    available_kw: Series  # (C,)
    price_per_kwh: Series
    green: Bools
    carbon_kg_per_kwh: Series = later_column(0.0)  # its own, of the market-based account
    take_or_pay: Bools = later_column(False)


@dataclass(frozen=True)
class Batteries:
    """One row per battery; a hub has at most one."""

    hub: Ints
    energy_kwh: Floats
    charge_kw: Floats
    discharge_kw: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    cost_per_kwh: Floats  # discharged


@dataclass(frozen=True)
class Hubs(Table):
    names: Names
    label: tuple[str, ...]
    node: Ints
    latitude: Floats
    longitude: Floats
    tags: tuple[tuple[str, ...], ...]
    access_latency_ms: Floats
    status: NDArray[np.int8]
    opening_cost: Floats
    capacity: Series  # (H, R) units; inf: unlimited; 0: not supplied
    modules: HubModules
    pue: Series  # (H,)
    idle_kw: Floats
    power_kw_per_unit: Floats  # (H, R)
    energy_price_per_kwh: Series  # (H,)
    carbon_kg_per_kwh: Series  # (H,)
    carbon_may_be_negative: Bools
    connection_limit_kw: Floats  # inf: unlimited
    contracts: Contracts
    carbon_cap_kg: Floats  # inf: none
    carbon_cap_price: Floats = later_column(np.nan)  # money per kg beyond the cap; nan: hard
    existing: Bools = later_column(False)
    closing_cost: Floats = later_column(0.0)
    min_utilisation: Limits = later_column(np.nan)  # (H, R)
    max_utilisation: Limits = later_column(np.nan)  # (H, R)
    onsite_kw: Series = later_column(0.0)  # (H,)
    batteries: Batteries = later_column(0.0)
    demand_charge_per_kw_month: Floats = later_column(0.0)
    certificate_price_per_kwh: Floats = later_column(np.nan)  # nan: none to be had
    marginal_carbon_kg_per_kwh: Series = later_column(np.nan)  # (H,) nan: the average factor
    residual_carbon_kg_per_kwh: Series = later_column(np.nan)  # (H,) nan: the average factor
    water_l_per_kwh: Floats = later_column(0.0)


@dataclass(frozen=True)
class Residency:
    """Distinct residency rules; ``Demands.residency`` points here."""

    allowed_hubs: tuple[tuple[str, ...] | None, ...]  # None: all
    forbidden_hubs: tuple[tuple[str, ...], ...]
    allowed_tags: tuple[tuple[str, ...] | None, ...]
    forbidden_tags: tuple[tuple[str, ...], ...]
    allowed: Bools  # (S, H) what the four rules come to


@dataclass(frozen=True)
class Overrides:
    """Per-hub overrides, sorted by (demand, hub), at most one row per pair."""

    demand: Ints  # (P,)
    hub: Ints
    has_amount: Bools  # replaces the demand's amounts there
    amount: Series  # (P, R); meaningful where has_amount
    cost: Floats  # money for the whole demand over the horizon; 0: none


@dataclass(frozen=True)
class Pins:
    """Given assignments, sorted by demand."""

    demand: Ints
    hub: Ints
    route: tuple[tuple[str, ...] | None, ...]  # link names; None: any


@dataclass(frozen=True)
class Demands(Table):
    names: Names
    label: tuple[str, ...]  # () when no demand has a label
    tags: tuple[tuple[str, ...], ...]  # () when no demand has tags
    node: Ints
    amount: Series  # (D, R) units; for deferrable demands: work arriving
    first_resource: Ints  # (D,) first resource named in amount
    traffic_gbps: Series  # (D,) to the hub
    traffic_per_unit: Floats  # (D,) where traffic was given per unit of the first resource; nan elsewhere
    traffic_back_gbps: Series  # (D,) from the hub
    max_latency_ms: Floats  # inf: none
    single: Bools
    per_period: Bools
    unserved_penalty_per_unit_h: Floats  # nan: must be served
    residency: Ints  # (D,) row of residency_rules
    residency_rules: Residency
    deferrable: Bools
    window_h: Floats  # nan where not deferrable
    max_rate: Floats  # inf: unlimited
    fixed: Pins
    overrides: Overrides
    block: Bools = later_column(False)  # deferral of mode block
    together: Ints = later_column(-1)  # (D,) entry of together_groups; -1: none
    apart: Ints = later_column(-1)  # (D,) entry of apart_groups; -1: none
    together_groups: tuple[str, ...] = later_column(())  # sorted
    apart_groups: tuple[str, ...] = later_column(())
    migration_cost: Floats = later_column(0.0)
    protection: NDArray[np.int8] = later_column(NONE)  # NONE, HUB, LINK


@dataclass(frozen=True)
class Policy:
    carbon_price_per_kg: float
    carbon_cap_kg: float  # inf: none
    open_hubs_min: int
    open_hubs_max: int  # number of hubs where no limit
    latency_price_per_gbps_ms_h: float = later_column(0.0)
    carbon_cap_price: float = later_column(np.nan)  # money per kg beyond the cap; nan: hard
    move_limit: float = later_column(float("inf"))
    move_limit_price: float = later_column(np.nan)  # money per demand moved beyond it; nan: hard
    objective: Objective = later_column(COST)  # stages in order of priority
    budget: Limits = later_column(np.nan)  # (1,) money
    green_share_min: Limits = later_column(np.nan)  # (1,) fraction
    tag_shares: TagShares = later_column(())
    market_account: bool = later_column(False)  # prices and caps of carbon are market-based, not location-based
    marginal_carbon: bool = later_column(False)  # carbon is priced by marginal factors
    water_price_per_l: float = later_column(0.0)


@dataclass(frozen=True)
class Origin:
    """One row of provenance."""

    path: str
    status: str
    source: str
    note: str


@dataclass(frozen=True)
class Instance:
    """The data of one planning problem, in names and units."""

    name: str
    title: str
    description: str
    currency: str
    timezone: str
    provenance: tuple[Origin, ...]
    time: Time
    resources: Resources
    profiles: Names  # rows 0..K-1 of every demand and hub series table
    profile_table: Floats  # (K, T)
    nodes: Nodes
    links: Links
    latency_matrix: LatencyMatrix | None
    hubs: Hubs
    demands: Demands
    policy: Policy
    route_candidates: int
    as_of: str = field(default="", metadata={"aside": True})

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the content, equal for every container."""
        from instances.fingerprint import fingerprint

        return fingerprint(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from instances.showing import instance_html

        return instance_html(self)

    def __repr__(self) -> str:
        return (
            f"Instance({self.name!r}, {len(self.demands)} demands, {len(self.hubs)} hubs, "
            f"{self.time.count} periods, {len(self.links)} links)"
        )
