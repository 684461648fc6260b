"""How hard an instance is, seen at the optimum of its relaxation: the second half of ``show --stats``.

Capacity and bandwidth rows are added as they are violated, so that 2,000 demands x 24 periods take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from instances.generators import stats
from instances.instance import OPEN, Instance
from optimizer.compiling import compile_problem, useful_routes
from optimizer.repairing import Repaired, cheapest_then_repair
from solvers.highs import Lp
from solvers.milp import Floats, Limits, Milp
from solvers.model import Model, Problem, assemble

MOST_DEMANDS = 2000  # beyond it the relaxation is not solved
TIGHT = 1e-6  # relative room of a row that binds


@dataclass(frozen=True)
class Relaxation:
    """The optimum of the relaxation. carbon: carbon / cap, nan without cap; common: money paid whatever is decided."""

    objective: float
    open_hubs: int
    binding_hubs: int
    binding_links: int
    carbon: float
    common: float


def hardness(instance: Instance, seconds: float = 120.0) -> list[tuple[str, str]]:
    """Labels and values: what shows without solving, then, at up to 2,000 demands, what the relaxation shows."""
    routes = useful_routes(instance)
    rows = stats.hardness(instance, routes)
    if not 0 < len(instance.demands) <= MOST_DEMANDS:
        return [*rows, ("relaxation", f"solved at up to {MOST_DEMANDS:,} demands")]
    model = assemble(compile_problem(instance, routes))
    found = relaxation(instance, model, seconds)
    if found is None:
        return [*rows, ("relaxation", f"no optimum within {seconds:g} s")]
    rows += [
        ("optimum of the relaxation", f"{found.objective:,.2f} {instance.currency}"),
        ("hubs that bind there", f"{found.binding_hubs} of {found.open_hubs} open"),
        ("links that bind there", str(found.binding_links)),
    ]
    if not np.isnan(found.carbon):
        rows.append(("carbon / cap there", f"{found.carbon:.6f}"))
    rows.append(("paid whatever is decided", f"{100 * found.common / max(abs(found.objective), 1e-300):.1f} %"))
    return [*rows, ("cheapest hub, then repair", _words(cheapest_then_repair(instance, model), found))]


def _words(repaired: Repaired | None, found: Relaxation) -> str:
    if repaired is None:
        return "not defined here (split, deferrable, per-period or unserved demands, modules or contracts)"
    above = f"{100 * (repaired.cost / found.objective - 1):.1f} % above the relaxation"
    return above if repaired.feasible else f"finds no plan; {above} with rows overfull"


def relaxation(instance: Instance, model: Model, seconds: float) -> Relaxation | None:
    """The linear relaxation (integrality and the implied rows share <= open dropped); None if not solved in time."""
    x = _solve(model, seconds)
    if x is None:
        return None
    problem = model.problem
    _, site = model.split(x)
    load, traffic, _, _ = problem.options.ties.split(site[: problem.options.ties.count])
    block, data = problem.site, problem.data
    opened = block.values("open", site)
    modules = block.values("modules", site)
    capacity = data.capacity * opened[:, None, None]
    np.add.at(capacity, data.hub_module_hub, (data.hub_module_capacity * modules[:, None])[:, :, None])
    bandwidth = data.bandwidth * block.values("link_open", site)[:, None]
    np.add.at(bandwidth, data.link_module_link, (data.link_module_gbps * block.values("link_modules", site))[:, None])
    fullest = np.maximum(traffic[0::2], traffic[1::2])
    carbon = float(block.measures["carbon_kg"] @ site) / data.carbon_cap if np.isfinite(data.carbon_cap) else np.nan
    return Relaxation(
        objective=float(model.milp.cost @ x) + model.milp.offset,
        open_hubs=int((opened > TIGHT).sum()),
        binding_hubs=int((_full(load, capacity) & (opened > TIGHT)[:, None, None]).any(axis=(1, 2)).sum()),
        binding_links=int(_full(fullest, bandwidth).any(axis=1).sum()),
        carbon=carbon,
        common=_common(instance, problem),
    )


def _full(used: Floats, limit: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray((used > 0) & (used >= limit * (1 - TIGHT)))


def _common(instance: Instance, problem: Problem) -> float:
    """Money that every plan pays: idle power of the hubs that must be open, and the energy of all load at the lowest
    price x PUE x power per unit that any hub has in each period; 0 where grid and contracts are not all."""
    data, hours = problem.data, problem.options.clock.weight
    if not data.supply.plain:
        return 0.0
    per_kw = data.pue * data.energy_price * hours
    idle = float((data.idle_kw[:, None] * per_kw)[instance.hubs.status == OPEN].sum())
    if (problem.options.may_stay_unserved).any() or len(data.contract_hub):
        return idle
    unit = (data.power_kw[:, :, None] * per_kw[:, None, :]).min(axis=0)
    return idle + float((instance.demands.amount.dense().sum(axis=0) * unit).sum())


def _solve(model: Model, seconds: float) -> Floats | None:
    """Optimal values of the relaxation, its bandwidth rows added in rounds."""
    milp, every = model.milp, sp.csr_array(model.milp.matrix)
    lazy = np.concatenate(
        [label.start + np.arange(len(label)) for label in model.problem.site.row_labels if label.family == "bandwidth"]
    )
    kept = np.setdiff1d(np.arange(every.shape[0]), lazy)
    lp = Lp(_rows(milp, every, kept))
    left, limits = lazy, Limits(seconds=seconds)
    scale = 1e-7 * np.maximum(1.0, np.abs(milp.row_upper))
    while True:
        result = lp.solve(limits)
        if result.status != "optimal" or result.x is None:
            lp.close()
            return None
        broken = every[left] @ result.x - milp.row_upper[left] > scale[left]
        if not broken.any():
            lp.close()
            return result.x
        rows = left[broken]
        lp.add_rows(every[rows], milp.row_lower[rows], milp.row_upper[rows])
        left = left[~broken]


def _rows(milp: Milp, every: sp.csr_array, kept: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Milp:
    """The continuous program over some of the rows."""
    part = sp.csc_array(every[kept])
    matrix = sp.csc_array((part.data, part.indices.astype(np.int32), part.indptr.astype(np.int32)), shape=part.shape)
    return replace(
        milp,
        integer=np.zeros_like(milp.integer),
        matrix=matrix,
        row_lower=milp.row_lower[kept],
        row_upper=milp.row_upper[kept],
        lazy=None,
    )
