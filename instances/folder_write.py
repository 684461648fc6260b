"""An Instance to the files of a folder: instance.json and its tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from instances import schema
from instances.columnar import Floats, Series
from instances.dump import head_document, hub_rows, link_rows, node_rows, residency_fields, sparse_fields
from instances.folder import MAIN, is_json, is_quantity
from instances.folder_demands import FIRST, PROFILE
from instances.instance import PROTECTION, Demands, Instance
from instances.series_sheet import Part, write_series
from instances.sheets import write_sheet


def write_tables(instance: Instance, folder: Path, kind: Literal["parquet", "csv"]) -> None:
    """Write instance.json, nodes, links, demands and (where there are own series) series into an empty folder."""
    document = head_document(instance) | {"hubs": hub_rows(instance)}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    (folder / MAIN).write_text(text + "\n", encoding="utf-8")
    parts: list[Part] = []
    for name, model, rows in (
        ("nodes", schema.Node, node_rows(instance.nodes)),
        ("links", schema.Link, link_rows(instance)),
    ):
        if rows or name == "nodes":
            write_sheet(folder / f"{name}.{kind}", _row_columns(name, model, rows, parts))
    write_sheet(folder / f"demands.{kind}", _demand_columns(instance, parts))
    if parts:
        write_series(folder / f"series.{kind}", parts, kind, instance.time.count)


def _row_columns(
    table: str, model: type[schema.Record], rows: list[dict[str, Any]], parts: list[Part]
) -> dict[str, Any]:
    """Rows of the format as columns; empty columns are left out, own series go to ``parts``."""
    columns: dict[str, Any] = {}
    for name, f in model.model_fields.items():
        values = [row.get(name) for row in rows]
        if all(v is None for v in values):
            continue
        if is_quantity(model, name):
            own = [
                (row.get("name") or f"{row['a']}--{row['b']}", v)
                for row, v in zip(rows, values, strict=True)
                if isinstance(v, list)
            ]
            if own:
                parts.append((table, name, [n for n, _ in own], np.array([v for _, v in own])))
            profiles = [v["profile"] if isinstance(v, dict) else None for v in values]
            values = [v["scale"] if isinstance(v, dict) else None if isinstance(v, list) else v for v in values]
            columns[name] = pa.array(values, pa.float64())
            if any(profiles):
                columns[name + PROFILE] = pa.array(profiles, pa.string())
        elif is_json(model, name):
            columns[name] = pa.array(
                [None if v is None else json.dumps(v, ensure_ascii=False) for v in values], pa.string()
            )
        else:
            columns[name] = pa.array(values, pa.bool_() if f.annotation is bool else None)
    return columns


def _demand_columns(instance: Instance, parts: list[Part]) -> dict[str, Any]:
    demands = instance.demands
    names = pa.array(list(demands.names), pa.string())
    columns: dict[str, Any] = {"name": names}
    if demands.label:
        columns["label"] = pa.array([text or None for text in demands.label], pa.string())
    if demands.tags:
        columns["tags"] = _json_texts([list(t) or None for t in demands.tags])
    columns["node"] = pa.array(list(instance.nodes.names), pa.string()).take(pa.array(demands.node))
    columns |= _amounts(instance, parts)
    plain = np.isnan(demands.traffic_per_unit)
    columns |= _quantity(
        instance, "traffic_gbps", demands.traffic_gbps, plain & (demands.traffic_gbps.scale != 0.0), parts
    )
    columns["traffic_gbps_per_unit"] = _numbers(demands.traffic_per_unit)
    back = demands.traffic_back_gbps
    columns |= _quantity(instance, "traffic_back_gbps", back, back.scale != 0.0, parts)
    columns["max_latency_ms"] = _numbers(demands.max_latency_ms)
    columns["placement"] = _words(demands.single, "single")
    columns["timing"] = _words(demands.per_period, "per_period")
    columns["unserved_penalty_per_unit_h"] = _numbers(demands.unserved_penalty_per_unit_h)
    columns |= _residency(demands)
    columns["deferral.window_h"] = _numbers(demands.window_h)
    columns["deferral.max_rate"] = _numbers(demands.max_rate)
    columns["deferral.mode"] = _words(demands.block, "block")
    for name, code, groups in (
        ("together", demands.together, demands.together_groups),
        ("apart", demands.apart, demands.apart_groups),
    ):
        if groups:
            columns[name] = pa.array(list(groups), pa.string()).take(pa.array(code, mask=code < 0))
    columns["migration_cost"] = pa.array(demands.migration_cost, mask=demands.migration_cost == 0.0)
    words = pa.array([None, *PROTECTION[1:]], pa.string())
    columns["protection"] = words.take(pa.array(demands.protection, pa.int32()))
    columns |= _sparse(instance)
    return {k: v for k, v in columns.items() if k in ("name", "node") or v.null_count < len(v)}


def _numbers(values: Floats) -> Any:
    return pa.array(values, mask=~np.isfinite(values))


def _words(truth: Any, word: str) -> Any:
    return pa.array([word, None], pa.string()).take(pa.array(np.where(truth, 0, 1)))


def _json_texts(values: list[Any]) -> Any:
    return pa.array([None if v is None else json.dumps(v, ensure_ascii=False) for v in values], pa.string())


def _quantity(instance: Instance, name: str, series: Series, given: Any, parts: list[Part]) -> dict[str, Any]:
    """Value and profile columns of a quantity; own series go to ``parts``."""
    count = len(instance.profiles)
    own = np.flatnonzero(given & (series.row >= count))
    if len(own):
        rows, names = series.row[own], instance.demands.names
        contiguous = rows[-1] - rows[0] + 1 == len(rows) and bool(np.all(np.diff(rows) == 1))
        values = series.table[rows[0] : rows[-1] + 1] if contiguous else series.table[rows]
        parts.append(
            ("demands", name, list(names) if len(own) == len(names) else [names[i] for i in own.tolist()], values)
        )
    columns = {name: pa.array(series.scale, mask=~(given & (series.row < count)))}
    if count:
        profiled = given & (series.row >= 0) & (series.row < count)
        code = pa.array(np.where(profiled, series.row, 0), mask=~profiled)
        columns[name + PROFILE] = pa.array(list(instance.profiles), pa.string()).take(code)
    return columns


def _amounts(instance: Instance, parts: list[Part]) -> dict[str, Any]:
    demands = instance.demands
    first, amount = demands.first_resource, demands.amount
    columns: dict[str, Any] = {}
    implied = np.full(len(demands), -1, dtype=np.int32)
    for r in range(len(instance.resources) - 1, -1, -1):
        implied[(amount.scale[:, r] != 0.0) | (first == r)] = r
    for r, resource in enumerate(instance.resources.names):
        series = Series(amount.scale[:, r], amount.row[:, r], amount.table)
        given = (series.scale != 0.0) | (first == r)
        columns |= _quantity(instance, f"amount.{resource}", series, given, parts)
    stated = pa.array(np.maximum(first, 0), mask=(first == implied) | (first < 0))
    columns[FIRST] = pa.array(list(instance.resources.names), pa.string()).take(stated)
    return columns


def _residency(demands: Demands) -> dict[str, Any]:
    """The four residency columns: JSON text once per distinct rule."""
    rules = [residency_fields(demands, s) for s in range(len(demands.residency_rules.allowed_hubs))]
    columns = {}
    for field in ("allowed_hubs", "forbidden_hubs", "allowed_tags", "forbidden_tags"):
        default: Any = None if field.startswith("allowed") else []
        texts = _json_texts([None if rule[field] == default else rule[field] for rule in rules])
        columns[field] = texts.take(pa.array(demands.residency))
    return columns


def _sparse(instance: Instance) -> dict[str, Any]:
    """`fixed`, `amount_at` and `cost_at`."""
    given, n = sparse_fields(instance), len(instance.demands)
    if not given:
        return {}
    hubs: list[Any] = [None] * n
    cells: dict[str, list[Any]] = {"fixed.route": [None] * n, "amount_at": [None] * n, "cost_at": [None] * n}
    for d, fields in given.items():
        pin = fields.get("fixed", {})
        hubs[d], cells["fixed.route"][d] = pin.get("hub"), pin.get("route")
        cells["amount_at"][d], cells["cost_at"][d] = fields.get("amount_at"), fields.get("cost_at")
    return {"fixed.hub": pa.array(hubs, pa.string())} | {k: _json_texts(v) for k, v in cells.items()}
