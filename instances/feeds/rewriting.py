"""New series in place of old ones. An instance is never changed: these are new tables, as reading a file with the new
series would give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from instances.build_hubs import build_hubs
from instances.columnar import Floats, Series
from instances.dump import hub_rows
from instances.instance import Instance
from instances.quantities import Scope


def with_hub_series(instance: Instance, series: Mapping[str, Mapping[int, Floats]]) -> Instance:
    """The instance with own values, (T,) each, of some fields of some hubs, by field and position."""
    rows = hub_rows(instance)
    for field, values in series.items():
        for h, value in values.items():
            rows[h][field] = value.tolist()
    scope = Scope(instance.time.count, instance.profiles, instance.profile_table, instance.resources.names)
    return replace(instance, hubs=build_hubs(rows, instance.nodes, scope))


def with_profiles(instance: Instance, values: Mapping[int, Floats]) -> Instance:
    """The instance with other values of some of its profiles, which are the first rows of all its series tables."""
    table = instance.profile_table.copy()
    for k, value in values.items():
        table[k] = value
    made: Instance = _with_profiles(instance, table, {})
    return replace(made, profile_table=table)


def _with_profiles(value: Any, profiles: Floats, known: dict[int, Floats]) -> Any:
    if isinstance(value, Series):
        if id(value.table) not in known:
            known[id(value.table)] = np.concatenate([profiles, value.table[len(profiles) :]])
        return replace(value, table=known[id(value.table)])
    if not is_dataclass(value) or isinstance(value, type):
        return value
    old = {f.name: getattr(value, f.name) for f in fields(value)}
    new = {name: _with_profiles(part, profiles, known) for name, part in old.items()}
    return replace(value, **{name: part for name, part in new.items() if part is not old[name]})
