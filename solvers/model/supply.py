"""Numbers of what supplies hubs with power besides grid and contracts, and of how its carbon counts."""

from __future__ import annotations

from dataclasses import dataclass

from solvers.model.options import Bools, Floats, Ints


@dataclass(frozen=True)
class Supply:
    """Shapes: H hubs, T periods, C contracts, B batteries (at most one per hub).

    market: carbon prices and caps are market-based; marginal: carbon is priced by marginal factors instead.
    """

    onsite_kw: Floats  # (H, T) available
    battery_hub: Ints  # (B,)
    battery_kwh: Floats  # (B,)
    charge_kw: Floats
    discharge_kw: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    battery_cost: Floats  # (B,) money per kWh discharged
    demand_price: Floats  # (H,) money for the horizon per kW of the highest import
    certificate_price: Floats  # (H,) money per kWh; nan: none to be had
    take_or_pay: Bools  # (C,)
    contract_carbon: Floats  # (C, T) kg per kWh, own factor
    residual_carbon: Floats  # (H, T) kg per kWh of uncertified grid energy
    marginal_carbon: Floats  # (H, T) kg per kWh
    water_price: Floats  # (H,) money per facility kWh
    market: bool
    marginal: bool

    @property
    def plain(self) -> bool:
        """There is nothing but grid and contracts, and carbon is location-based."""
        extra = self.onsite_kw.any() or len(self.battery_hub) or self.demand_price.any() or self.water_price.any()
        return not (extra or self.market)
