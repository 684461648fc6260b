"""Instance and plan side by side, with the tables that several rules need, each computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.checking.accounts import Emissions, emissions
from optimizer.checking.loads import Flows, add_at, arc_traffic, chunks, slices
from optimizer.checking.reserves import Reserved
from optimizer.checking.rows import Rows
from optimizer.plan import Plan

if TYPE_CHECKING:
    from optimizer.checking.migration import Moves

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Case:
    """What every rule gets. Symbols as in ``docs/model.md``."""

    def __init__(self, instance: Instance, plan: Plan, rows: Rows) -> None:
        self.instance, self.plan, self.rows = instance, plan, rows

    # names of places, for violations

    def demand_at(self, demand: int, period: int = -1) -> str:
        """``d17``, or ``d17, period 3``."""
        return f"{self.instance.demands.names[demand]}" + (f", period {period}" if period >= 0 else "")

    def moving_at(self, p: int, period: int) -> str:
        """Place of a per-period demand by its place among them."""
        return self.demand_at(int(self.moving[p]), period)

    def row_at(self, i: int) -> str:
        """Place of an assignment: ``d17 at guian by r3``, with the period of a per-period row."""
        rows = self.rows
        place = f"{self.instance.demands.names[rows.demand[i]]} at {self.instance.hubs.names[rows.hub[i]]}"
        place += f" by {rows.route_label[rows.route[i]]}"
        return place + (f", period {rows.period[i]}" if rows.period[i] >= 0 else "")

    def part_at(self, i: int) -> str:
        """Place of an execution row."""
        return f"{self.row_at(int(self.rows.part_row[i]))}, period {self.rows.part_period[i]}"

    def backup_at(self, i: int) -> str:
        """Place of a backup: ``d17 backed up at guian by r3``, with the period of a per-period row."""
        rows = self.rows.backups
        place = f"{self.instance.demands.names[rows.demand[i]]} backed up at {self.instance.hubs.names[rows.hub[i]]}"
        place += f" by {self.rows.route_label[rows.route[i]]}"
        return place + (f", period {rows.period[i]}" if rows.period[i] >= 0 else "")

    def arc_at(self, arc: int) -> str:
        """``a--b, a to b``."""
        links, nodes, m = self.instance.links, self.instance.nodes.names, arc >> 1
        ends = (nodes[links.a[m]], nodes[links.b[m]])[:: -1 if arc & 1 else 1]
        return f"{links.names[m]}, {ends[0]} to {ends[1]}"

    def hub_at(self, hub: int, period: int = -1) -> str:
        """``guian``, or ``guian, period 13``."""
        return f"{self.instance.hubs.names[hub]}" + (f", period {period}" if period >= 0 else "")

    def route_at(self, route: int) -> str:
        """``r3 (beijing > guian: a--b, b--c)``."""
        rows, instance = self.rows, self.instance
        node, hub = int(rows.route_node[route]), int(rows.route_hub[route])
        ends = "unknown ends"
        if node >= 0 and hub >= 0:
            ends = f"{instance.nodes.names[node]} > {instance.hubs.names[hub]}"
        links = ", ".join(instance.links.names[a] for a in rows.arc[rows.arc_route == route] >> 1)
        return f"{rows.route_label[route]} ({ends}{': ' if links else ''}{links})"

    # demands

    @cached_property
    def pinned(self) -> Bools:
        """(D,) the demand is fixed."""
        out = np.zeros(len(self.instance.demands), dtype=np.bool_)
        out[self.instance.demands.fixed.demand] = True
        return out

    @cached_property
    def may_be_unserved(self) -> Bools:
        """(D,) a penalty is given and the demand is not fixed."""
        return ~np.isnan(self.instance.demands.unserved_penalty_per_unit_h) & ~self.pinned

    @cached_property
    def fits_timing(self) -> Bools:
        """(n,) the row has a period exactly where the demand's timing has one."""
        out = self.rows.period >= 0
        out ^= ~self.instance.demands.per_period[self.rows.demand]
        return out

    @cached_property
    def moving(self) -> NDArray[np.intp]:
        """(P,) the per-period demands."""
        return np.flatnonzero(self.instance.demands.per_period)

    @cached_property
    def moving_row(self) -> NDArray[np.int64]:
        """(D,) place of a demand among the per-period ones, else -1."""
        out = np.full(len(self.instance.demands), -1, dtype=np.int64)
        out[self.moving] = np.arange(len(self.moving))
        return out

    @cached_property
    def active(self) -> Bools:
        """(P, T) periods in which a per-period demand has rows: `amount` (not an override) or traffic is not zero."""
        demands, periods = self.instance.demands, self.instance.time.count
        out = np.zeros((len(self.moving), periods), dtype=np.bool_)
        for at in slices(len(self.moving), periods * len(self.instance.resources)):
            d = self.moving[at]
            out[at] = demands.amount.dense(d).any(axis=1)
            out[at] |= (demands.traffic_gbps.dense(d) != 0) | (demands.traffic_back_gbps.dense(d) != 0)
        return out

    @cached_property
    def row_active(self) -> Bools:
        """(n,) the row's demand has rows in its period (always true for fixed timing)."""
        rows, out = self.rows, self.fits_timing.copy()
        for at in slices(len(out), 1):
            where = at.start + np.flatnonzero(out[at] & (rows.period[at] >= 0))
            out[where] = self.active[self.moving_row[rows.demand[where]], rows.period[where]]
        return out

    @cached_property
    def served(self) -> Floats:
        """(D,) sum of the shares of fixed timing."""
        where = self.fits_timing & (self.rows.period < 0)
        out = np.zeros(len(self.instance.demands))
        np.add.at(out, self.rows.demand[where], self.rows.share[where])
        return out

    @cached_property
    def served_in(self) -> Floats:
        """(P, T) sum of the shares per period."""
        rows, out = self.rows, np.zeros((len(self.moving), self.instance.time.count))
        for at in slices(len(rows.demand), 1):
            where = at.start + np.flatnonzero(self.fits_timing[at] & (rows.period[at] >= 0))
            add_at(out, self.moving_row[rows.demand[where]], rows.period[where], rows.share[where])
        return out

    # sums over the rows

    @cached_property
    def flows(self) -> Flows:
        return Flows(self.instance, self.rows)

    @cached_property
    def traffic(self) -> Floats:
        """(2L, T) Gbit/s."""
        return arc_traffic(self.instance, self.rows, self.flows.forth, self.flows.back)

    @cached_property
    def reserved(self) -> Reserved:
        return Reserved(self.instance, self.rows)

    @cached_property
    def share_at_hub(self) -> Floats:
        """(H,) largest share at each hub."""
        out = np.zeros(len(self.instance.hubs))
        np.maximum.at(out, self.rows.hub, self.rows.share)
        return out

    @cached_property
    def share_on_route(self) -> Floats:
        """(K,) largest share on each route."""
        out = np.zeros(len(self.rows.route_node))
        np.maximum.at(out, self.rows.route, self.rows.share)
        return out

    @cached_property
    def facility_kw(self) -> Floats:
        """(H, T) power of the open hub and its load."""
        hubs = self.instance.hubs
        computing = np.einsum("hr,hrt->ht", hubs.power_kw_per_unit, self.flows.load)
        return np.asarray(hubs.pue.dense() * ((hubs.idle_kw * self.rows.hub_open)[:, None] + computing))

    @cached_property
    def emissions(self) -> dict[str, Emissions]:
        """Carbon by account."""
        return emissions(self)

    @cached_property
    def contract_sum(self) -> Floats:
        """(H, T) kW from all contracts of each hub."""
        out = np.zeros((len(self.instance.hubs), self.instance.time.count))
        np.add.at(out, self.instance.hubs.contracts.hub, self.rows.contract_kw)
        return out

    @cached_property
    def unserved_unit_h(self) -> Floats:
        """(D,) unit-hours of all resources over the horizon that stay unserved; 0 where a demand must be served."""
        instance = self.instance
        out = np.zeros(len(instance.demands))
        for part in chunks(np.flatnonzero(self.may_be_unserved), instance.time.count * len(instance.resources)):
            left = self.unserved(part)
            some = left.any(axis=1)
            part, left = part[some], left[some]
            out[part] = (instance.demands.amount.dense(part).sum(axis=1) * left) @ instance.time.weighted_hours
        return out

    @cached_property
    def moves(self) -> Moves:
        """What moved against the placement in force."""
        from optimizer.checking.migration import moves  # it stands on this module

        return moves(self)

    def unserved(self, demand: NDArray[np.intp]) -> Floats:
        """Unserved share of demands, (n, T); 0 in periods without rows."""
        out = np.zeros((len(demand), self.instance.time.count))
        moving = self.moving_row[demand]
        fixed = moving < 0
        out[fixed] = np.maximum(0.0, 1.0 - self.served[demand[fixed]])[:, None]
        row = moving[~fixed]
        out[~fixed] = np.where(self.active[row], np.maximum(0.0, 1.0 - self.served_in[row]), 0.0)
        return out
