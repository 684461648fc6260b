"""Where a plan's energy comes from and how much of it counts as green."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.checking import Report
from optimizer.plan import Decisions

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EnergyMix:
    """kWh over the horizon, all hubs; water in litres; green: share of grid, contract and on-site energy, 0 of none."""

    grid: float
    contracts: float
    onsite: float
    curtailed: float  # on-site energy of open hubs that is not used
    discharged: float
    lost: float  # in batteries
    certified: float
    water_l: float
    green: float

    @property
    def only_grid(self) -> bool:
        """There is nothing to tell but grid energy."""
        return not (self.contracts or self.onsite or self.curtailed or self.discharged or self.certified)


def energy_mix(instance: Instance, decisions: Decisions, report: Report) -> EnergyMix:
    """The mix of a plan."""
    hubs, power, weight = instance.hubs, decisions.power, instance.time.weighted_hours

    def kwh(kw: Floats) -> float:
        return float((kw @ weight).sum())

    grid, contracts, onsite, certified = map(
        kwh, (power.grid_kw, power.contract_kw, power.onsite_kw, power.certified_kw)
    )
    green = onsite + certified + kwh(power.contract_kw[hubs.contracts.green])
    every = grid + contracts + onsite
    return EnergyMix(
        grid=grid,
        contracts=contracts,
        onsite=onsite,
        curtailed=kwh(hubs.onsite_kw.dense()[decisions.sites.hub_open]) - onsite,
        discharged=kwh(power.discharge_kw),
        lost=kwh(power.charge_kw) - kwh(power.discharge_kw),
        certified=certified,
        water_l=float(hubs.water_l_per_kwh @ (report.facility_kw @ weight)),
        green=green / every if every > 0 else 0.0,
    )
