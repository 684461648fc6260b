"""The next night of an instance: a part of its data changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from instances.columnar import Series
from instances.instance import Instance


def drifted(instance: Instance, part: float, seed: int) -> Instance:
    """The instance with other values for a part of its data: amounts and traffic of demands (by 0.5 to 1.5), energy
    prices and carbon factors of hubs in single periods (by 0.5 to 1.5)."""
    rng = np.random.default_rng(seed)
    demands, hubs = instance.demands, instance.hubs
    factor = np.where(rng.random(len(demands)) < part, rng.uniform(0.5, 1.5, len(demands)), 1.0)
    amount, traffic = demands.amount, demands.traffic_gbps
    demands = replace(
        demands,
        amount=Series(amount.scale * factor[:, None], amount.row, amount.table),
        traffic_gbps=Series(traffic.scale * factor, traffic.row, traffic.table),
    )

    def redrawn(series: Series) -> Series:
        """Dense, as prices and factors of one hub each."""
        values = series.dense()
        chosen = rng.random(values.shape) < part
        values = np.where(chosen, values * rng.uniform(0.5, 1.5, values.shape), values)
        return Series(np.ones(len(values)), np.arange(len(values), dtype=np.int32), values)

    hubs = replace(
        hubs,
        energy_price_per_kwh=redrawn(hubs.energy_price_per_kwh),
        carbon_kg_per_kwh=redrawn(hubs.carbon_kg_per_kwh),
    )
    return replace(instance, name=f"{instance.name}-next", demands=demands, hubs=hubs)
