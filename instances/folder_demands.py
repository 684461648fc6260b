"""The demand table of a folder to demand columns, without a step per demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from instances import schema
from instances.columnar import Bools, Floats, Ints
from instances.columns import Coded, DemandColumns, ResidencyRule
from instances.findings import MISSING, Said, each, error
from instances.instance import PROTECTION
from instances.quantities import Quantities, Scope
from instances.series_sheet import OwnSeries
from instances.sheets import Kind, Sheet

FIRST = "amount:first"  # the first resource of `amount`, where it is not the first column with a value
PROFILE = ":profile"
NUMBERS = (
    "traffic_gbps_per_unit",
    "max_latency_ms",
    "unserved_penalty_per_unit_h",
    "deferral.window_h",
    "deferral.max_rate",
    "migration_cost",
)
NUMBER_COLUMNS = (*NUMBERS, "traffic_gbps", "traffic_back_gbps")
JSON_COLUMNS = (
    "tags",
    "allowed_hubs",
    "forbidden_hubs",
    "allowed_tags",
    "forbidden_tags",
    "amount_at",
    "cost_at",
    "fixed.route",
)
TEXT_COLUMNS = (
    *("name", "label", "node", "placement", "timing", "deferral.mode", "fixed.hub", "together", "apart", "protection"),
    *(FIRST, "traffic_gbps:profile", "traffic_back_gbps:profile", *JSON_COLUMNS),
)
DEMAND_COLUMNS = (*TEXT_COLUMNS, *NUMBER_COLUMNS)
SUPPORTED = {
    "placement": ("split", "single"),
    "timing": ("fixed", "per_period"),
    "deferral.mode": ("interruptible", "block"),
    "protection": PROTECTION,
}
FIELDS = schema.Demand.model_fields


def demand_kind(document: dict[str, Any]) -> Callable[[str], Kind | None]:
    """What a column of the demand table holds, given the document's resources."""
    given = document.get("resources")
    rows = given if isinstance(given, list) else []
    resources = {str(r["name"]) for r in rows if isinstance(r, dict) and "name" in r}

    def kind(column: str) -> Kind | None:
        if column in NUMBER_COLUMNS:
            return "number"
        if column in TEXT_COLUMNS:
            return "text"
        resource = column.removeprefix("amount.")
        if resource == column:
            return None
        if resource in resources:
            return "number"
        return "text" if resource.endswith(PROFILE) and resource.removesuffix(PROFILE) in resources else None

    return kind


def demand_columns(sheet: Sheet, own: OwnSeries, scope: Scope) -> DemandColumns:
    """The columns of a demand table; faults go to the findings of the sheet."""
    n = sheet.rows
    _required(sheet)
    _known_values(sheet)
    _text_lengths(sheet)
    names = sheet.columns.get("name", pa.chunked_array([pa.array([""] * n)]))
    texts = pc.fill_null(names, "")
    name_array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    amount = {r: own.quantities(sheet, f"amount.{r}", name_array, scope) for r in scope.resources}
    traffic = own.quantities(sheet, "traffic_gbps", name_array, scope)
    back = own.quantities(sheet, "traffic_back_gbps", name_array, scope)
    numbers = {field: _bounded(sheet, field) for field in NUMBERS}
    deferrable = ~np.isnan(numbers["deferral.window_h"])
    for column in ("deferral.max_rate", "deferral.mode"):
        _needs(sheet, column, deferrable, "deferral.window_h")
    tags = _lists(sheet, "tags")
    residency, rules = _residency(sheet)
    return DemandColumns(
        names=tuple(name_array.to_numpy(zero_copy_only=False).tolist()),
        label=_labels(sheet),
        tags=tags if any(tags) else (),
        node=sheet.codes("node"),
        amount={r: q for r, q in amount.items() if q.given.any()},
        first_resource=_first(sheet, amount, scope),
        traffic_gbps=traffic,
        traffic_back_gbps=back,
        traffic_per_unit=numbers["traffic_gbps_per_unit"],
        max_latency_ms=numbers["max_latency_ms"],
        single=_equals(sheet, "placement", "single"),
        per_period=_equals(sheet, "timing", "per_period"),
        unserved_penalty_per_unit_h=numbers["unserved_penalty_per_unit_h"],
        residency=residency,
        residency_rules=rules,
        deferrable=deferrable,
        window_h=numbers["deferral.window_h"],
        max_rate=numbers["deferral.max_rate"],
        fixed=_pins(sheet),
        amount_at=[
            (i, h, r, v)
            for i, at in _cells(sheet, "amount_at")
            for h, a in at.items()
            for r, v in _amounts(sheet, i, h, a)
        ],
        cost_at=[(i, hub, cost) for i, at in _cells(sheet, "cost_at") for hub, cost in at.items()],
        block=_equals(sheet, "deferral.mode", "block"),
        together=sheet.codes("together"),
        apart=sheet.codes("apart"),
        migration_cost=np.nan_to_num(numbers["migration_cost"]),
        protection=_protection(sheet),
    )


# --- what pydantic judges in rows ---------------------------------------------------------------------------


def _required(sheet: Sheet) -> None:
    for column in ("name", "node"):
        if column not in sheet.columns:
            sheet.findings.append(error("missing-field", f"demands.{column}", MISSING, f"the column `{column}`"))
        else:
            empty = sheet.columns[column].is_null().to_numpy()
            sheet.report(empty, column, "missing-field", f"the field `{column}`")


def _known_values(sheet: Sheet) -> None:
    """Columns of few words."""
    for column, words in SUPPORTED.items():
        cells = sheet.codes(column)
        good = np.array([*(value in words for value in cells.values), True])
        expected = " or ".join(f"`{w}`" for w in words)
        sheet.report(~good[cells.code], column, "wrong-value", expected)


def _text_lengths(sheet: Sheet) -> None:
    ids = ("name", "node", "fixed.hub", "together", "apart")
    for column, most in (*((name, 200) for name in ids), ("label", 10_000)):
        if column in sheet.columns:
            long = pc.fill_null(pc.greater(pc.utf8_length(sheet.columns[column]), most), False).to_numpy()
            sheet.report(long, column, "text-length", f"at most {most} characters")


def _bounded(sheet: Sheet, column: str) -> Floats:
    """The numbers of a column, judged by the bounds of the schema."""
    record, name = (
        (schema.Deferral, column.removeprefix("deferral."))
        if column.startswith("deferral.")
        else (schema.Demand, column)
    )
    values = sheet.numbers(column)
    for bound in record.model_fields[name].metadata:
        for key, words, beyond in (("ge", "at least", np.less), ("gt", "more than", np.less_equal)):
            limit = getattr(bound, key, None)
            if limit is not None:
                code = "negative" if key == "ge" and limit == 0 else "number-range"
                sheet.report(beyond(values, limit), column, code, f"{words} {limit:g}")
    return values


def _needs(sheet: Sheet, column: str, has: Bools, other: str) -> None:
    if column in sheet.columns:
        alone = sheet.columns[column].is_valid().to_numpy() & ~has
        sheet.findings += each(
            alone, lambda i: error("missing-field", sheet.path(i, other), MISSING, f"a value beside `{column}`")
        )


# --- columns of other kinds ---------------------------------------------------------------------------------


def _labels(sheet: Sheet) -> tuple[str, ...]:
    values = tuple(text or "" for text in sheet.texts("label")) if "label" in sheet.columns else ()
    return values if any(values) else ()


def _equals(sheet: Sheet, column: str, word: str) -> Bools:
    cells = sheet.codes(column)
    return np.array([*(value == word for value in cells.values), False], dtype=np.bool_)[cells.code]


def _protection(sheet: Sheet) -> NDArray[np.int8]:
    cells = sheet.codes("protection")
    place = [PROTECTION.index(value) if value in PROTECTION else 0 for value in cells.values]
    return np.array([*place, 0], dtype=np.int8)[cells.code]


def _first(sheet: Sheet, amount: dict[str, Quantities], scope: Scope) -> Coded:
    """The first resource of each demand: the column FIRST, else the first resource with a value."""
    code = np.full(sheet.rows, -1, dtype=np.int32)
    for r in range(len(scope.resources) - 1, -1, -1):
        code[amount[scope.resources[r]].given] = r
    stated = sheet.codes(FIRST)
    if (stated.code >= 0).any():
        known = np.array([*(scope.resources.find(v) for v in stated.values), -1], dtype=np.int32)[stated.code]
        given = np.array([amount[r].given for r in scope.resources])
        wrong = (stated.code >= 0) & ((known < 0) | ~given[np.maximum(known, 0), np.arange(sheet.rows)])
        sheet.findings += each(
            wrong,
            lambda i: error(
                "unknown-resource", sheet.path(i, FIRST), stated.values[stated.code[i]], "a resource of its `amount`"
            ),
        )
        code = np.where(known >= 0, known, code).astype(np.int32)
    return Coded(code, list(scope.resources))


def _lists(sheet: Sheet, column: str) -> tuple[tuple[str, ...], ...]:
    if column not in sheet.columns:
        return ()
    cells, values = sheet.json_cells(column, FIELDS[column].annotation)
    tuples = [*(tuple(v or ()) for v in values), ()]
    return tuple(tuples[k] for k in cells.code.tolist())


def _residency(sheet: Sheet) -> tuple[Ints, list[ResidencyRule]]:
    """The rule of each demand, and the distinct rules in order of first use."""
    n = sheet.rows
    combined = np.zeros(n, dtype=np.int64)
    tables: list[list[Any]] = []
    for column in ("allowed_hubs", "forbidden_hubs", "allowed_tags", "forbidden_tags"):
        cells, values = sheet.json_cells(column, FIELDS[column].annotation)
        absent: Any = None if column.startswith("allowed") else ()
        distinct: dict[Any, int] = {absent: 0}
        place = [distinct.setdefault(absent if v is None else tuple(v), len(distinct)) for v in values]
        code = np.array([*place, 0], dtype=np.int64)[cells.code]
        tables.append(list(distinct))
        _, combined = np.unique(combined * len(distinct) + code, return_inverse=True)
        tables[-1] = [tables[-1], code]
    found, first = np.unique(combined, return_index=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(found), dtype=np.int32)
    rank[order] = np.arange(len(found), dtype=np.int32)
    at = first[order]
    columns = [[values[k] for k in code[at].tolist()] for values, code in tables]
    rules: list[ResidencyRule] = [(a, b, c, d) for a, b, c, d in zip(*columns, strict=True)]
    return rank[combined] if n else np.empty(0, dtype=np.int32), rules


def _cells(sheet: Sheet, column: str) -> list[tuple[int, Any]]:
    """Row and JSON value of the cells that are not empty."""
    cells, values = sheet.json_cells(column, FIELDS[column].annotation)
    return [(int(i), values[cells.code[i]]) for i in np.flatnonzero(cells.code >= 0) if values[cells.code[i]]]


def _amounts(sheet: Sheet, i: int, hub: str, amounts: dict[str, Any]) -> list[tuple[str, Any]]:
    if not amounts:
        path = sheet.path(i, f"amount_at.{hub}")
        sheet.findings.append(error("amount-at", path, Said("no amount"), "each resource named in `amount`"))
    return list(amounts.items())


def _pins(sheet: Sheet) -> list[tuple[int, str, tuple[str, ...] | None]]:
    hubs = sheet.codes("fixed.hub")
    _needs(sheet, "fixed.route", hubs.code >= 0, "fixed.hub")
    cells, values = sheet.json_cells("fixed.route", schema.Pin.model_fields["route"].annotation)
    routes = [*(None if v is None else tuple(v) for v in values), None]
    return [(int(i), hubs.values[hubs.code[i]], routes[cells.code[i]]) for i in np.flatnonzero(hubs.code >= 0)]
