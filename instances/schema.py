"""The file format ``hubplan/1``: every field with its type, unit, default and meaning.

This is the one place where a field is declared. The JSON Schema, ``docs/format.md`` and the shape check are
derived from it. Shapes only: what fields mean together is checked in ``instances/rules``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

FORMAT = "hubplan/1"


def field(doc: str, unit: str = "", *, default: Any = ..., **constraints: Any) -> Any:
    """A field of a record: ``default`` absent means required."""
    extra: dict[str, Any] = {"unit": unit}
    if isinstance(default, (dict, list)):
        return Field(
            description=doc, json_schema_extra=extra, default_factory=lambda: type(default)(default), **constraints
        )
    return Field(default, description=doc, json_schema_extra=extra, **constraints)


class Record(BaseModel):
    """Strict types, no unknown fields, finite numbers."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


Id = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=10_000)]


class Profiled(Record):
    """A number times a named profile."""

    scale: float = field("factor of the profile", "of the field")
    profile: Id = field("name of a profile")


def _quantity_kind(value: Any) -> str:
    return "profiled" if isinstance(value, (dict, Profiled)) else "series" if isinstance(value, list) else "number"


Quantity = Annotated[
    Annotated[float, Tag("number")] | Annotated[list[float], Tag("series")] | Annotated[Profiled, Tag("profiled")],
    Discriminator(_quantity_kind),
]
"""A constant, one value per period, or ``{"scale": x, "profile": name}``."""


class SoftLimit(Record):
    """A limit that may be exceeded at a declared price."""

    limit: float = field("the limit", "of the field")
    price_per_unit: float = field("price of one unit beyond the limit", "money/unit", ge=0)


def _limit_kind(value: Any) -> str:
    return "soft" if isinstance(value, (dict, SoftLimit)) else "hard"


Limit = Annotated[Annotated[float, Tag("hard")] | Annotated[SoftLimit, Tag("soft")], Discriminator(_limit_kind)]
"""A hard limit (a number) or a soft one with its price."""


class Target(Record):
    """A least value that a plan may miss at a price, unless it is hard. A number alone is its limit."""

    limit: float = field("the least value", "of the field")
    price_per_unit: float | None = field("price of one unit that is missing; null: hard", "money/unit", default=1.0, ge=0)


TARGET_PRICE: float = Target.model_fields["price_per_unit"].default


def _target_kind(value: Any) -> str:
    return "priced" if isinstance(value, (dict, Target)) else "plain"


AnyTarget = Annotated[Annotated[float, Tag("plain")] | Annotated[Target, Tag("priced")], Discriminator(_target_kind)]
"""A least value, soft at the default price (a number), or with its price."""


def _objective_kind(value: Any) -> str:
    return "weights" if isinstance(value, dict) else "order" if isinstance(value, list) else "name"


Quantified = Literal["cost", "carbon", "latency", "shortfall"]
Objective = Annotated[
    Annotated[Quantified, Tag("name")]
    | Annotated[dict[Quantified, Annotated[float, Field(ge=0)]], Tag("weights")]
    | Annotated[list[Quantified], Tag("order")],
    Discriminator(_objective_kind),
]
"""What is minimised: a name, weights by name, or names in order of priority."""


class Provenance(Record):
    """Where values come from."""

    path: Text = field("which values, as a path such as `hubs[guian].pue` or `links[*].capacity_gbps`")
    status: Literal["reported", "derived", "estimate"] = field("how sure the values are")
    source: Text = field("where they come from", default="")
    note: Text = field("reasoning of an estimate", default="")


class Block(Record):
    """A run of consecutive periods, such as a representative day."""

    name: Id = field("unique name")
    start: Text = field("start, ISO 8601 with UTC offset, such as `2026-07-01T00:00+08:00`")
    periods: int = field("number of periods", "1", ge=1)
    period_hours: float | list[float] = field("length of each period (one number, or one per period)", "h", default=1.0)
    weight: float = field("how often the block occurs in the horizon", "1", default=1.0, gt=0)
    kind: Literal["open", "cyclic"] = field("`cyclic`: the end wraps to the start; deferral never leaves a block", default="open")


class Resource(Record):
    """A kind of compute."""

    name: Id = field("unique name")
    label: Text = field("display name", default="")
    unit: Text = field("what one unit is, such as `1 MW of IT load`", default="")


class Node(Record):
    """A place of the network."""

    name: Id = field("unique name")
    label: Text = field("display name", default="")
    latitude: float | None = field("latitude", "degree", default=None)
    longitude: float | None = field("longitude", "degree", default=None)
    access_latency_ms: float = field("latency from a demand here to the network, one way", "ms", default=0.0, ge=0)
    transit: bool = field("routes may pass through", default=True)


class LinkModule(Record):
    """Capacity that can be bought in whole modules, for each direction of the link."""

    name: Id = field("name, unique in its link", default="module")
    capacity_gbps: float = field("capacity of one module, each direction", "Gbit/s", gt=0)
    cost: float = field("cost of one module for the horizon", "money", ge=0)
    max_count: int = field("largest number of modules", "1", ge=1)


class Link(Record):
    """A connection between two nodes."""

    name: Id | None = field("unique name; `a--b` where absent", default=None)
    a: Id = field("node at one end (start of a directed link)")
    b: Id = field("node at the other end")
    latency_ms: float = field("latency, one way", "ms", ge=0)
    capacity_gbps: Quantity | None = field("capacity in each direction; null: unlimited", "Gbit/s", default=None)
    price_per_gbps_h: float = field("price of traffic", "money/(Gbit/s h)", default=0.0)
    directed: bool = field("traffic flows from a to b only", default=False)
    status: Literal["open", "optional", "closed"] = field("`optional`: the plan decides and pays `opening_cost`", default="open")
    opening_cost: float = field("cost of opening an optional link, for the horizon", "money", default=0.0, ge=0)
    modules: list[LinkModule] = field("capacity that can be bought", default=[])


class LatencyMatrix(Record):
    """Node-to-hub latency, instead of a network."""

    nodes: list[Id] = field("nodes, one per row")
    hubs: list[Id] = field("hubs, one per column")
    latency_ms: list[list[float | None]] = field("latency one way without access latencies; null: no connection", "ms")
    price_per_gbps_h: list[list[float]] | None = field("price of traffic", "money/(Gbit/s h)", default=None)


class HubModule(Record):
    """Compute capacity that can be bought in whole modules."""

    name: Id = field("name, unique in its hub", default="module")
    capacity: dict[Id, float] = field("capacity of one module, by resource", "unit")
    connection_kw: float = field("added to the connection limit by one module", "kW", default=0.0, ge=0)
    cost: float = field("cost of one module for the horizon", "money", ge=0)
    max_count: int = field("largest number of modules", "1", ge=1)


class Contract(Record):
    """Physical energy bought under contract, used instead of the grid's."""

    name: Id = field("name, unique in its hub")
    available_kw: Quantity = field("power available", "kW")
    price_per_kwh: Quantity = field("price, paid instead of the grid's", "money/kWh")
    carbon_kg_per_kwh: Quantity | None = field("its own factor, market-based account only; null: 0", "kg/kWh", default=None)
    green: bool = field("counts as green", default=False)
    take_or_pay: bool = field("all available kWh of the open hub are paid", default=False)


class Battery(Record):
    """On-site storage, cyclic in each block."""

    energy_kwh: float = field("usable energy", "kWh", gt=0)
    charge_kw: float = field("largest charging power", "kW", gt=0)
    discharge_kw: float = field("largest discharging power", "kW", gt=0)
    charge_efficiency: float = field("one-way efficiency of charging", "1", default=1.0, gt=0, le=1)
    discharge_efficiency: float = field("one-way efficiency of discharging", "1", default=1.0, gt=0, le=1)
    cost_per_kwh: float = field("cost per kWh discharged", "money/kWh", default=0.0, ge=0)


class Hub(Record):
    """A site that supplies compute."""

    name: Id = field("unique name")
    label: Text = field("display name", default="")
    node: Id = field("node where it stands")
    latitude: float | None = field("latitude", "degree", default=None)
    longitude: float | None = field("longitude", "degree", default=None)
    tags: list[Id] = field("groups it belongs to, such as `west`", default=[])
    access_latency_ms: float = field("latency from the network to the hub, one way", "ms", default=0.0, ge=0)
    status: Literal["open", "optional", "closed"] = field("`optional`: the plan decides", default="open")
    existing: bool = field("stands today: closing it costs, opening it does not", default=False)
    opening_cost: float = field("cost of opening an optional hub, for the horizon", "money", default=0.0, ge=0)
    closing_cost: float = field("cost of closing an existing optional hub, for the horizon", "money", default=0.0, ge=0)
    capacity: dict[Id, Quantity | None] = field("capacity by resource; null: unlimited; a resource not named: none", "unit", default={})
    modules: list[HubModule] = field("capacity that can be bought", default=[])
    pue: Quantity = field("power usage effectiveness: facility kW per IT kW", "1", default=1.0)
    idle_kw: float = field("IT power of the open hub without load", "kW", default=0.0, ge=0)
    power_kw_per_unit: dict[Id, float] = field("IT power per unit of load, by resource", "kW/unit", default={})
    energy_price_per_kwh: Quantity = field("price of grid energy; may be negative", "money/kWh", default=0.0)
    carbon_kg_per_kwh: Quantity = field("average carbon factor of the grid", "kg/kWh", default=0.0)
    carbon_may_be_negative: bool = field("negative carbon factors are meant", default=False)
    connection_limit_kw: float | None = field("limit of grid + contract power; null: unlimited", "kW", default=None, ge=0)
    contracts: list[Contract] = field("energy contracts", default=[])
    carbon_cap_kg: Limit | None = field("cap of the hub's carbon over the horizon; null: none", "kg", default=None)
    onsite_kw: Quantity = field("available on-site renewable power, free of charge; surplus is curtailed", "kW", default=0.0)
    battery: Battery | None = field("on-site storage", default=None)
    demand_charge_per_kw_month: float = field("price of the highest grid + contract power, per month of 730 h", "money/(kW month)", default=0.0, ge=0)
    certificate_price_per_kwh: float | None = field("price of green certificates; null: none to be had", "money/kWh", default=None, ge=0)
    marginal_carbon_kg_per_kwh: Quantity | None = field("marginal carbon factor of the grid, reported; null: the average factor", "kg/kWh", default=None)
    residual_carbon_kg_per_kwh: Quantity | None = field("factor of uncertified grid energy, market-based; null: the average factor", "kg/kWh", default=None)
    water_l_per_kwh: float = field("water per facility kWh", "l/kWh", default=0.0, ge=0)
    min_utilisation: dict[Id, AnyTarget] = field("least weighted load / installed capacity, by resource; soft unless said to be hard: price per unit and hour", "1", default={})
    max_utilisation: dict[Id, Limit] = field("ceiling of load / installed capacity in every period, by resource; soft: price per unit and hour", "1", default={})


class Deferral(Record):
    """Work that may wait."""

    window_h: float = field("how long work may wait after its arrival hour", "h", ge=0)
    max_rate: float | None = field("largest rate of work; null: unlimited", "unit of the first resource", default=None, gt=0)
    mode: Literal["interruptible", "block"] = field("`block`: all work arrives in one period and runs contiguously at `max_rate`", default="interruptible")


class Pin(Record):
    """An assignment that is given."""

    hub: Id = field("the hub that serves the demand")
    route: list[Id] | None = field("links of the route, in order; null: any", default=None)


class Demand(Record):
    """Something that needs compute at a node."""

    name: Id = field("unique name")
    label: Text = field("display name", default="")
    tags: list[Id] = field("groups it belongs to, such as its class", default=[])
    node: Id = field("node where it arises")
    amount: dict[Id, Quantity] = field("need, by resource", "unit")
    traffic_gbps: Quantity | None = field("traffic to the hub", "Gbit/s", default=None)
    traffic_gbps_per_unit: float | None = field("traffic to the hub per unit of the first resource of `amount`, instead of `traffic_gbps`", "Gbit/s per unit", default=None, ge=0)
    traffic_back_gbps: Quantity | None = field("traffic from the hub, over the reverse of the route", "Gbit/s", default=None)
    max_latency_ms: float | None = field("limit of the route's latency, one way; null: none", "ms", default=None, ge=0)
    placement: Literal["single", "split"] = field("`single`: one hub and one route (per period if timing is per_period)", default="split")
    timing: Literal["fixed", "per_period"] = field("`fixed`: one share for all periods", default="fixed")
    unserved_penalty_per_unit_h: float | None = field("price of not serving, per unit of each resource and hour; null: must be served", "money/(unit h)", default=None, ge=0)
    allowed_hubs: list[Id] | None = field("hubs that may serve; null: all", default=None)
    forbidden_hubs: list[Id] = field("hubs that may not serve", default=[])
    allowed_tags: list[Id] | None = field("a hub needs one of these tags; null: all", default=None)
    forbidden_tags: list[Id] = field("a hub with one of these tags may not serve", default=[])
    deferral: Deferral | None = field("work may wait; `amount` is then work arriving", default=None)
    fixed: Pin | None = field("this assignment is given: the whole demand is served there", default=None)
    amount_at: dict[Id, dict[Id, Quantity]] = field("amounts at a hub that replace `amount` there (each resource named in `amount`)", "unit", default={})
    cost_at: dict[Id, float] = field("cost of serving the whole demand at a hub over the horizon, added to the other terms", "money", default={})
    together: Id | None = field("demands of one group have equal shares at every hub", default=None)
    apart: Id | None = field("demands of one group are served by different hubs", default=None)
    protection: Literal["none", "hub", "link"] = field("capacity is reserved against the loss of the hub, or of any link of the route; single placement only", default="none")
    migration_cost: float = field("cost of moving the whole demand from the incumbent's hub", "money", default=0.0, ge=0)


class OpenHubs(Record):
    """Limits of the number of open hubs among those with status open or optional."""

    min: int | None = field("least number", "1", default=None, ge=0)
    max: int | None = field("largest number", "1", default=None, ge=0)
    exact: int | None = field("exact number, instead of min and max", "1", default=None, ge=0)


class TagShare(Record):
    """Limits of the share of IT energy at hubs with a tag."""

    tag: Id = field("hub tag")
    min: Limit | None = field("least share; soft: price per kWh that is missing", "1", default=None)
    max: Limit | None = field("largest share; soft: price per kWh beyond it", "1", default=None)
    resource: Id | None = field("energy of one resource only", default=None)


class Policy(Record):
    """What the planner wants."""

    objective: Objective = field(
        "what is minimised: a name, weights by name (per money, kg, Gbit/s ms h, money), or names in order of priority", default="cost"
    )
    carbon_price_per_kg: float = field("price of carbon", "money/kg", default=0.0, ge=0)
    carbon_cap_kg: Limit | None = field("cap of all carbon over the horizon", "kg", default=None)
    carbon_account: Literal["location", "market"] = field("account of prices and caps", default="location")
    open_hubs: OpenHubs | None = field("limits of the number of open hubs", default=None)
    budget: Limit | None = field("limit of all money terms but unserved and soft limits; soft: price per money beyond it", "money", default=None)
    green_share_min: Limit | None = field("least green share of energy; soft: price per kWh that is missing", "1", default=None)
    tag_shares: list[TagShare] = field("shares of IT energy by hub tag", default=[])
    latency_price_per_gbps_ms_h: float = field("price of latency", "money/(Gbit/s ms h)", default=0.0, ge=0)
    water_price_per_l: float = field("price of water", "money/l", default=0.0, ge=0)
    move_limit: Limit | None = field("limit of the sum of moved fractions against the incumbent", "1", default=None)
    marginal_carbon: bool = field("carbon is priced by marginal factors (caps keep their account)", default=False)


class RouteRule(Record):
    """Which routes are candidates."""

    candidates: int = field("shortest loopless routes per node and hub (`docs/model.md`)", "1", default=3, ge=1, le=50)


class Defaults(Record):
    """Values for fields that a record leaves out; any field of the record but its name."""

    nodes: dict[str, Any] = field("for nodes", default={})
    links: dict[str, Any] = field("for links", default={})
    hubs: dict[str, Any] = field("for hubs", default={})
    demands: dict[str, Any] = field("for demands", default={})


class Document(Record):
    """One instance."""

    format: Literal["hubplan/1"] = field("format and version")
    name: Id = field("name of the instance")
    title: Text = field("one line", default="")
    description: Text = field("free text", default="")
    currency: Id = field("currency of all money, such as `CNY`")
    timezone: Id = field("IANA name, such as `Asia/Shanghai`")
    as_of: Text | None = field("when the data were true, ISO 8601 with UTC offset; not part of the fingerprint; `nightly` judges their age by it", default=None)
    provenance: list[Provenance] = field("where values come from", default=[])
    blocks: list[Block] = field("time", min_length=1)
    resources: list[Resource] = field("kinds of compute", min_length=1)
    profiles: dict[Id, list[float]] = field("named series, one value per period", "1", default={})
    defaults: Defaults = field("values for fields left out", default={})
    nodes: list[Node] = field("places of the network", min_length=1)
    links: list[Link] = field("connections", default=[])
    latency_matrix: LatencyMatrix | None = field("instead of links", default=None)
    hubs: list[Hub] = field("sites")
    demands: list[Demand] = field("needs")
    policy: Policy = field("what the planner wants", default={})
    routes: RouteRule = field("candidate routes", default={})
