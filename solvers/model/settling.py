"""What a plan near the optimum leaves open: round trips of batteries, slack peaks, the level of what is stored."""

from __future__ import annotations

import numpy as np

from solvers.model.limits import EXCESS
from solvers.model.options import Floats
from solvers.model.site import Site, SiteData, table


def settled(site: Site, data: SiteData, values: Floats) -> Floats:
    """Values of the site variables with the same decisions, put in order; none of it costs more or breaks a row.

    Where a battery charges and discharges at once, the loss is saved instead, and less is drawn (`charging` holds, so
    there is enough to draw less of; see `wasting_may_pay`). Peaks come down to the highest import, certificates to the
    grid's power, the least stored energy in a block to 0, and what exceeds a soft limit to what it is.
    """
    values = values.copy()
    shape = data.pue.shape
    if len(data.supply.battery_hub):
        _without_round_trips(site, data, values)
        _least_stored(site, data, values)
    grid, certified = table(site.labels, "grid", shape), table(site.labels, "certified", shape)
    here = certified >= 0
    values[certified[here]] = np.clip(values[certified[here]], 0.0, values[grid[here]])
    peak = table(site.labels, "peak", shape[:1])
    charged = peak >= 0
    if charged.any():
        values[peak[charged]] = np.maximum(_imports(site, data, values)[charged].max(axis=1), 0.0)
    _least_excess(site, values)
    return values


def _imports(site: Site, data: SiteData, values: Floats) -> Floats:
    """(H, T) kW of grid and contracts."""
    out = np.zeros(data.pue.shape)
    for label in site.labels:
        if label.family in ("grid", "contract"):
            place, t = label.index
            hub = data.contract_hub[place] if label.family == "contract" else place
            np.add.at(out, (hub, t), values[label.start : label.start + len(label)])
    return out


def _without_round_trips(site: Site, data: SiteData, values: Floats) -> None:
    supply, shape = data.supply, data.pue.shape
    charge, discharge = (table(site.labels, family, shape) for family in ("charge", "discharge"))
    kept = np.zeros(shape[0])
    kept[supply.battery_hub] = supply.charge_efficiency * supply.discharge_efficiency
    h, t = np.nonzero(charge >= 0)
    both = np.minimum(values[charge[h, t]], values[discharge[h, t]]) > 0
    h, t = h[both], t[both]
    into, out = values[charge[h, t]], values[discharge[h, t]]
    gain = into * kept[h] - out  # what the charge would give back, less what is given
    values[charge[h, t]], values[discharge[h, t]] = np.maximum(gain, 0.0) / kept[h], np.maximum(-gain, 0.0)
    saved = np.zeros(shape)
    saved[h, t] = (into - values[charge[h, t]]) - (out - values[discharge[h, t]])
    contracts = table(site.labels, "contract", data.contract_kw.shape)
    own = [(np.array([hub]), contracts[c : c + 1]) for c, hub in enumerate(data.contract_hub)]
    every = np.arange(shape[0])
    for hub, numbers in (
        (every, table(site.labels, "grid", shape)), *own, (every, table(site.labels, "onsite", shape))
    ):  # fmt: skip
        place, when = np.nonzero((numbers >= 0) & (saved[hub] > 0))
        source = numbers[place, when]
        less = np.minimum(np.maximum(values[source], 0.0), saved[hub[place], when])
        values[source] -= less
        saved[hub[place], when] -= less


def _least_stored(site: Site, data: SiteData, values: Floats) -> None:
    numbers = table(site.labels, "stored", data.pue.shape)
    h = np.flatnonzero((numbers >= 0).all(axis=1))
    starts = np.flatnonzero(np.diff(data.clock.block, prepend=-1))
    stored = values[numbers[h]]
    least = np.minimum.reduceat(stored, starts, axis=1)
    values[numbers[h]] = stored - np.repeat(least, np.diff(np.append(starts, stored.shape[1])), axis=1)


def _least_excess(site: Site, values: Floats) -> None:
    """Slack variables of soft limits; each stands in one row."""
    slack = [np.arange(label.start, label.start + len(label)) for label in site.labels if label.family.endswith(EXCESS)]
    if not slack:
        return
    excess = np.concatenate(slack)
    values[excess] = 0.0
    row = site.matrix.indices[site.matrix.indptr[excess]]
    activity = (site.matrix @ values)[row]
    values[excess] = np.maximum(np.maximum(activity - site.row_upper[row], site.row_lower[row] - activity), 0.0)
