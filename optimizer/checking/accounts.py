"""Carbon recomputed in every account: location-based, market-based and marginal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from instances.columnar import Series

if TYPE_CHECKING:
    from optimizer.checking.case import Case

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Emissions:
    """(H,) kg of grid energy and of contract energy over the horizon in one account."""

    grid: Floats
    contract: Floats

    @property
    def hubs(self) -> Floats:
        """(H,) kg of all energy."""
        return np.asarray(self.grid + self.contract)

    @property
    def total(self) -> float:
        """Kg of all hubs."""
        return float(self.hubs.sum())


def emissions(case: Case) -> dict[str, Emissions]:
    """The three accounts by name."""
    hubs, weight = case.instance.hubs, case.instance.time.weighted_hours
    own = hubs.contracts.carbon_kg_per_kwh.dense() * case.rows.contract_kw
    contract = np.zeros(len(hubs))
    np.add.at(contract, hubs.contracts.hub, own @ weight)
    residual = factor(case, hubs.residual_carbon_kg_per_kwh)
    uncertified = (residual * (case.rows.grid_kw - case.rows.certified_kw)) @ weight

    def physical(kg_per_kwh: Floats) -> Emissions:
        return Emissions((kg_per_kwh * case.rows.grid_kw) @ weight, (kg_per_kwh * case.contract_sum) @ weight)

    return {
        "location": physical(hubs.carbon_kg_per_kwh.dense()),
        "market": Emissions(uncertified, contract),
        "marginal": physical(factor(case, hubs.marginal_carbon_kg_per_kwh)),
    }


def factor(case: Case, given: Series) -> Floats:
    """(H, T) kg per kWh: as given, or the grid's average where a hub gives none."""
    out = given.dense()
    none = np.isnan(given.scale)
    out[none] = case.instance.hubs.carbon_kg_per_kwh.dense(none)
    return out


def account(case: Case) -> Emissions:
    """The account of prices and caps."""
    return case.emissions["market" if case.instance.policy.market_account else "location"]
