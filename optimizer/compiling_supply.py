"""The supply of hubs as numbers: on-site power, batteries, charges on import, certificates, carbon accounts, water."""

from __future__ import annotations

import numpy as np

from instances.columnar import Series
from instances.instance import Instance
from solvers.model.options import Floats
from solvers.model.supply import Supply

HOURS_PER_MONTH = 730.0


def supply_of(instance: Instance) -> Supply:
    """The numbers of `solvers.model.supply` of an instance."""
    hubs, policy = instance.hubs, instance.policy
    average = hubs.carbon_kg_per_kwh.dense()
    batteries, contracts = hubs.batteries, hubs.contracts
    months = instance.time.weighted_hours.sum() / HOURS_PER_MONTH
    return Supply(
        onsite_kw=hubs.onsite_kw.dense(),
        battery_hub=batteries.hub,
        battery_kwh=batteries.energy_kwh,
        charge_kw=batteries.charge_kw,
        discharge_kw=batteries.discharge_kw,
        charge_efficiency=batteries.charge_efficiency,
        discharge_efficiency=batteries.discharge_efficiency,
        battery_cost=batteries.cost_per_kwh,
        demand_price=hubs.demand_charge_per_kw_month * months,
        certificate_price=hubs.certificate_price_per_kwh,
        take_or_pay=contracts.take_or_pay,
        contract_carbon=contracts.carbon_kg_per_kwh.dense(),
        residual_carbon=_or_average(hubs.residual_carbon_kg_per_kwh, average),
        marginal_carbon=_or_average(hubs.marginal_carbon_kg_per_kwh, average),
        water_price=policy.water_price_per_l * hubs.water_l_per_kwh,
        market=policy.market_account,
        marginal=policy.marginal_carbon,
    )


def _or_average(factor: Series, average: Floats) -> Floats:
    """(H, T) a carbon factor, the average one where it is not given."""
    return np.where(np.isnan(factor.scale)[:, None], average, factor.dense())
