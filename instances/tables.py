"""An instance as tables of columns in names and units, for notebooks and other tools; pandas on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from instances.columnar import Series
from instances.instance import PROTECTION, STATUS, Instance

if TYPE_CHECKING:
    import pandas as pd

Column = NDArray[Any]
Columns = Mapping[str, Column]


class Tables(Mapping[str, Columns]):
    """Tables by name, each a mapping of equally long columns; texts are columns of Python strings."""

    def __init__(self, tables: Mapping[str, Mapping[str, Column]]) -> None:
        self._tables = MappingProxyType({name: MappingProxyType(dict(columns)) for name, columns in tables.items()})

    def __getitem__(self, name: str) -> Columns:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """The tables as data frames. Raises ImportError where pandas is not installed (extra ``pandas``)."""
        import pandas as pd

        return {name: pd.DataFrame(dict(columns)) for name, columns in self.items()}


def texts(values: Sequence[str]) -> Column:
    """Texts as an object column, which can be indexed by an array of positions."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def tables(instance: Instance) -> Tables:
    """The instance's tables: demands, hubs, nodes, links, and hub_hours with what varies by hub and period.

    Columns are named as the fields of `docs/format.md`; a series stands with its mean over the hours it stands for
    (``amount.cpu``: mean, ``peak.cpu``: largest). What has no limit is inf, what is not given nan.
    """
    return Tables(
        {
            "demands": _demands(instance),
            "hubs": _hubs(instance),
            "nodes": _nodes(instance),
            "links": _links(instance),
            "hub_hours": _hub_hours(instance),
        }
    )


def _mean(instance: Instance, series: Series) -> Column:
    """Mean of each entry over the horizon, without writing the series out."""
    part = instance.time.weighted_hours / instance.time.weighted_hours.sum()
    return np.asarray(series.scale * np.append(series.table @ part, 1.0)[series.row])


def _peak(series: Series) -> Column:
    return np.asarray(series.scale * np.append(series.table.max(axis=1, initial=-np.inf), 1.0)[series.row])


def _demands(instance: Instance) -> dict[str, Column]:
    demands, count = instance.demands, len(instance.demands)
    mean, peak = _mean(instance, demands.amount), _peak(demands.amount)
    made: dict[str, Column] = {"demand": texts(demands.names), "node": texts(instance.nodes.names)[demands.node]}
    for r, name in enumerate(instance.resources.names):
        made |= {f"amount.{name}": mean[:, r], f"peak.{name}": peak[:, r]}
    return made | {
        "traffic_gbps": _mean(instance, demands.traffic_gbps),
        "traffic_back_gbps": _mean(instance, demands.traffic_back_gbps),
        "max_latency_ms": demands.max_latency_ms,
        "placement": np.where(demands.single, "single", "split").astype(object),
        "timing": np.where(demands.per_period, "per_period", "fixed").astype(object),
        "unserved_penalty_per_unit_h": demands.unserved_penalty_per_unit_h,
        "window_h": demands.window_h,
        "protection": texts(PROTECTION)[demands.protection] if count else texts([]),
    }


def _hubs(instance: Instance) -> dict[str, Column]:
    hubs = instance.hubs
    capacity = _mean(instance, hubs.capacity)
    made: dict[str, Column] = {
        "hub": texts(hubs.names),
        "label": texts(hubs.label),
        "node": texts(instance.nodes.names)[hubs.node],
        "latitude": hubs.latitude,
        "longitude": hubs.longitude,
        "status": texts(STATUS)[hubs.status],
        "opening_cost": hubs.opening_cost,
    }
    for r, name in enumerate(instance.resources.names):
        made |= {f"capacity.{name}": capacity[:, r], f"power_kw_per_unit.{name}": hubs.power_kw_per_unit[:, r]}
    return made | {
        "pue": _mean(instance, hubs.pue),
        "idle_kw": hubs.idle_kw,
        "energy_price_per_kwh": _mean(instance, hubs.energy_price_per_kwh),
        "carbon_kg_per_kwh": _mean(instance, hubs.carbon_kg_per_kwh),
        "connection_limit_kw": hubs.connection_limit_kw,
    }


def _nodes(instance: Instance) -> dict[str, Column]:
    nodes = instance.nodes
    return {
        "node": texts(nodes.names),
        "label": texts(nodes.label),
        "latitude": nodes.latitude,
        "longitude": nodes.longitude,
        "access_latency_ms": nodes.access_latency_ms,
        "transit": nodes.transit,
    }


def _links(instance: Instance) -> dict[str, Column]:
    links, node = instance.links, texts(instance.nodes.names)
    return {
        "link": texts(links.names),
        "a": node[links.a],
        "b": node[links.b],
        "latency_ms": links.latency_ms,
        "capacity_gbps": _mean(instance, links.capacity_gbps),
        "price_per_gbps_h": links.price_per_gbps_h,
        "status": texts(STATUS)[links.status],
    }


def _hub_hours(instance: Instance) -> dict[str, Column]:
    hubs, periods = instance.hubs, instance.time.count
    return {
        "hub": np.repeat(texts(hubs.names), periods),
        "period": np.tile(np.arange(periods), len(hubs)),
        "energy_price_per_kwh": hubs.energy_price_per_kwh.dense().ravel(),
        "carbon_kg_per_kwh": hubs.carbon_kg_per_kwh.dense().ravel(),
        "pue": hubs.pue.dense().ravel(),
    }
