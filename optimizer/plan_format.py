"""The plan file ``hubplan-plan/1``: every field with its type, unit, default and meaning.

This is the one place where a field is declared: the shape check, the Parquet columns and the tables of
``docs/plan.md`` are derived from it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args, get_origin

import pyarrow as pa

from instances.schema import Id, Record, Text, field
from optimizer.plan import Limit, Status


class PlanRecord(Record):
    """Strict types, no unknown fields, finite numbers; apart from the records of instances."""


class AssignmentRow(PlanRecord):
    """A share of a demand. Only these rows, `execution` and what `routes` says of them decide who is served where."""

    demand: Id = field("the demand")
    hub: Id = field("the hub that serves it")
    route: Id = field("name of a row of `routes`")
    share: float = field("share of the demand, in every period or in `period`", "1")
    period: int | None = field(
        "period from 0; only for demands with `timing: per_period`", default=None, ge=0, lt=2**31
    )


class ExecutionRow(PlanRecord):
    """When the work of a deferrable demand is done."""

    demand: Id = field("the demand")
    hub: Id = field("the hub")
    route: Id = field("name of a row of `routes`; the three name a row of `assignments`")
    period: int = field("period from 0", ge=0, lt=2**31)
    part: float = field(
        "part of the demand's total work done in this period; all parts of a demand sum to its served share", "1"
    )


class IncumbentRow(PlanRecord):
    """A share of the placement in force before, which moves are measured against; at most one row per demand, hub and period."""

    demand: Id = field("the demand")
    hub: Id | None = field("the hub that served it; null: one that the instance does not have", default=None)
    share: float = field("share of the demand", "1")
    period: int | None = field("period from 0; for demands with `timing: per_period`, and only for them", default=None, ge=0, lt=2**31)
class BackupRow(PlanRecord):
    """Who stands in for a protected demand. Every served one has a row, per period if its timing is per_period."""

    demand: Id = field("the demand")
    hub: Id = field("the hub that would serve it; protected against the loss of a link: the one that does")
    route: Id = field("name of a row of `routes`")
    period: int | None = field("period from 0; only for demands with `timing: per_period`", default=None, ge=0, lt=2**31)


class RouteRow(PlanRecord):
    """A route in use, or of a backup."""

    name: Id = field("unique name, such as `r12`")
    node: Id = field("node where it starts")
    hub: Id = field("hub where it ends")
    latency_ms: float = field("latency one way, with both access latencies", "ms")
    links: list[Text] = field("links in order, from the node to the hub; empty with a latency matrix")


class ModuleRow(PlanRecord):
    """Modules of one kind."""

    name: Id = field("name of the kind of module")
    count: int = field("how many are built", "1", ge=0, lt=2**31)


class LoadRow(PlanRecord):
    """Load of one resource; informative."""

    resource: Id = field("the resource")
    load: list[float] = field("load in each period", "unit")


class SourceRow(PlanRecord):
    """Power from one contract."""

    name: Id = field("name of the contract")
    kw: list[float] = field("power in each period", "kW")


class SiteRow(PlanRecord):
    """A hub. Every hub of the instance has one row."""

    hub: Id = field("the hub")
    open: bool = field("it is open")
    modules: list[ModuleRow] = field("modules built; a kind not named: none", default=[])
    grid_kw: list[float] = field("power from the grid in each period", "kW")
    contract_kw: list[SourceRow] = field("power from contracts; one not named: none", "kW", default=[])
    onsite_kw: list[float] = field("on-site power used in each period; absent: none", "kW", default=[])
    charge_kw: list[float] = field("power into the battery; absent: none", "kW", default=[])
    discharge_kw: list[float] = field("power out of the battery; absent: none", "kW", default=[])
    stored_kwh: list[float] = field("energy in the battery at the end of each period; absent: none", "kWh", default=[])
    certified_kw: list[float] = field("part of `grid_kw` that certificates are bought for; absent: none", "kW", default=[])
    load: list[LoadRow] = field("load by resource; informative, not read back", default=[])
    carbon_kg: float = field("carbon over the horizon; informative, not read back", "kg", default=0.0)


class LinkRow(PlanRecord):
    """A link. Every link of the instance has one row."""

    link: Text = field("the link")
    open: bool = field("it is open")
    modules: list[ModuleRow] = field("modules built; a kind not named: none", default=[])
    forward_gbps: list[float] = field(
        "traffic from `a` to `b` in each period; informative, not read back", "Gbit/s", default=[]
    )
    backward_gbps: list[float] = field("traffic from `b` to `a`; informative, not read back", "Gbit/s", default=[])


class CertificateRow(PlanRecord):
    """The price of a row (docs/certificate.md); rows without one have price 0."""

    leaf: int = field("the case it holds in: a leaf of `branches`; 0 where there are none", default=0, ge=0, lt=2**31)
    row: Id = field("family of rows, such as `capacity`")
    demand: Id | None = field("demand of the row; null as the next four: the row has none", default=None)
    hub: Id | None = field("its hub", default=None)
    link: Text | None = field("its link", default=None)
    resource: Id | None = field("its resource", default=None)
    item: Text | None = field("its module or contract, number of its tag share, or `forward` or `backward` over the link", default=None)
    period: int | None = field("its period", default=None, ge=0, lt=2**31)
    price: float = field("change of the objective per unit of the row's right side; 0 or less where value <= limit", "of the objective")


class BranchRow(PlanRecord):
    """A case of the certificate is split in two at a whole number."""

    node: int = field("the case; 0 is the whole", ge=0, lt=2**31)
    variable: Id = field("`open`, `link_open`, `modules` or `link_modules`")
    hub: Id | None = field("hub of `open` or `modules`", default=None)
    link: Text | None = field("link of `link_open` or `link_modules`", default=None)
    item: Text | None = field("kind of module", default=None)
    most: int = field("the whole number is at most this in case `low`, and more in case `high`", ge=0, lt=2**31)
    low: int = field("a case of its own", ge=0, lt=2**31)
    high: int = field("a case of its own", ge=0, lt=2**31)


class TermRow(PlanRecord):
    """A term of the cost."""

    name: Id = field("name of the term, as in `docs/model.md`")
    cost: float = field("its value over the horizon", "money")
    carbon_kg: float = field(
        "carbon that comes with it (`energy`, `contract`); informative, not read back", "kg", default=0.0
    )


class StageRow(PlanRecord):
    """A stage of the objective, in the order in which they were solved."""

    name: Id = field("`cost`, `carbon`, `latency`, `shortfall`, `moves` or `weighted`")
    value: float = field("what the plan reaches", "of the objective")
    bound: float | None = field("least that any plan within the earlier stages can reach; null: nothing is known", "of the objective", default=None)
    gap: float | None = field("(value - bound) / max(1, |value|); derived, not read back", "1", default=None)


class MomentRow(PlanRecord):
    """What was known at a moment of the solve."""

    seconds: float = field("wall clock since the solve began", "s")
    incumbent: float | None = field("objective of the best plan so far; null: none yet", "of the objective", default=None)
    bound: float | None = field("the bound so far; null: nothing is known", "of the objective", default=None)


class PublicationRow(PlanRecord):
    """What a nightly job says of the plan that it publishes (docs/nightly.md)."""

    level: Literal["valid", "degraded", "stale"] = field("`valid`: accepted by `check` on the night's data; `degraded`: breaks what `breaks` says, nothing better was found; `stale`: of an earlier night")
    outcome: Id = field("how the night ended, such as `done` or `invalid-input`")
    code: int = field("exit code of the night", ge=0, lt=256)
    job: Id = field("the job")
    run: int = field("number of the run in the store", ge=1)
    token: int = field("fencing token of the run: a later run has a larger one", ge=1)
    date: Text = field("when the night began, ISO 8601, UTC")
    data: Text | None = field("fingerprint of the night's data; null: they could not be read", default=None)
    breaks: list[Text] = field("rules that the plan breaks on the night's data, or why that is not known", default=[])


class PlanDocument(PlanRecord):
    """One plan. Infinite numbers (no bound, no gap) are null."""

    format: Literal["hubplan-plan/1"] = field("format and version")
    publication: PublicationRow | None = field("what a nightly job says of it; not read back", default=None)
    instance: Text = field("name of the instance", default="")
    fingerprint: Text = field("fingerprint of the instance's content")
    status: Status = field("what is known of the plan")
    limit: Limit = field("what stopped the search", default="none")
    objective: float | None = field(
        "value of the objective's first stage; null without a plan", "money, or of the objective", default=None
    )
    bound: float | None = field("no plan has less; null: nothing is known", "of the objective", default=None)
    bound_source: Text = field("who says so: `certificate`, or `claimed by` a solver", default="")
    gap: float | None = field(
        "max(0, objective - bound) / max(|objective|, 1e-9 x sum of |terms|, or 1 where it is not the cost); derived, not read back", "1", default=None
    )
    proven_bound: float | None = field("bound of the certificate; null: none", "of the objective", default=None)
    proven_gap: float | None = field("the gap to it; derived, not read back", "1", default=None)
    carbon_kg: float = field("carbon of the plan over the horizon, in the account of carbon prices and caps", "kg", default=0.0)
    carbon_accounts: dict[str, float] = field("carbon by account: `location`, `market`, `marginal`", "kg", default={})
    solver: Text = field("what solved it", default="")
    why: Text = field("why `auto` took that solver; empty where it was named", default="")
    versions: dict[str, Any] = field("versions of the software, by name", default={})
    options: dict[str, Any] = field("options of the run, by name", default={})
    seed: int | None = field("seed of the run", default=None)
    seconds: float = field("wall clock of the whole run", "s", default=0.0)
    timings: dict[str, float] = field("wall clock by part of the run", "s", default={})
    memory_mb: float = field("peak memory of all processes", "MB", default=0.0)
    reasons: list[Text] = field("why there is no plan", default=[])
    terms: list[TermRow] = field("terms of the cost", default=[])
    stages: list[StageRow] = field("stages of the objective; absent where it is the cost", default=[])
    course: list[MomentRow] = field("how incumbent and bound went; absent where nobody watched the solve, or the objective has several stages", default=[])
    routes: list[RouteRow] | None = field(
        "routes in use; as all tables below, null or absent without a plan", default=None
    )
    assignments: list[AssignmentRow] | None = field("shares", default=None)
    execution: list[ExecutionRow] | None = field(
        "execution of deferrable demands; absent: there are none", default=None
    )
    incumbent: list[IncumbentRow] | None = field("the placement in force before; absent: moves do not count", default=None)
    backups: list[BackupRow] | None = field("backups of protected demands; absent: there are none", default=None)
    certificate: list[CertificateRow] | None = field("prices that prove `proven_bound`; absent: there is no certificate", default=None)
    branches: list[BranchRow] | None = field("cases that the certificate tells apart; absent: none", default=None)
    sites: list[SiteRow] | None = field("hubs", default=None)
    links: list[LinkRow] | None = field("links", default=None)


TABLES: dict[str, type[PlanRecord]] = {
    "routes": RouteRow,
    "assignments": AssignmentRow,
    "execution": ExecutionRow,
    "incumbent": IncumbentRow,
    "backups": BackupRow,
    "certificate": CertificateRow,
    "branches": BranchRow,
    "sites": SiteRow,
    "links": LinkRow,
}
"""The tables that become files of their own in a folder."""
WHERE_USED = ("execution", "backups", "incumbent", "certificate", "branches")  # tables that are absent where no demand needs them


def arrow_type(annotation: Any) -> pa.DataType:
    """The Parquet type of a field's annotated type."""
    if get_origin(annotation) is list:
        return pa.list_(arrow_type(get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return pa.struct([(name, arrow_type(f.annotation)) for name, f in annotation.model_fields.items()])
    inner = [a for a in get_args(annotation) if a is not type(None) and get_args(a)]
    if get_origin(annotation) is not Annotated and len(inner) == 1:  # such as `Id | None`
        return arrow_type(get_args(inner[0])[0])
    plain = {bool: pa.bool_(), int: pa.int32(), float: pa.float64(), str: pa.string()}
    for kind, found in plain.items():
        if annotation is kind or kind in get_args(annotation):
            return found
    raise TypeError(f"no Parquet type for {annotation}")


def arrow_schema(table: str) -> pa.Schema:
    """The columns of a table's Parquet file."""
    return pa.schema([(name, arrow_type(f.annotation)) for name, f in TABLES[table].model_fields.items()])
