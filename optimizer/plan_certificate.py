"""The certificate of a plan file: the tables `certificate` and `branches`, in names outside, positions inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from instances.findings import MISSING, Finding, each, error
from instances.instance import Instance
from optimizer.certificate import FAMILIES, SPLIT, Branches, Certificate
from optimizer.plan_decisions import lookup

WAYS = ("forward", "backward")  # items of `bandwidth`
NAMED = ("demand", "hub", "link", "resource")
OWNER = {"modules": "hub", "link_modules": "link", "contract": "hub"}  # rows and branches whose item belongs to one

Positions = NDArray[np.int32]


def _items(instance: Instance, family: str) -> list[tuple[int, str]]:
    """Owner (-1: none) and name of each item of a family of rows."""
    hubs, links = instance.hubs, instance.links
    if family == "bandwidth":
        return [(-1, way) for way in WAYS]
    if family in ("tag_share_min", "tag_share_max"):
        return [(-1, str(i)) for i in range(len(instance.policy.tag_shares.tag))]
    owners: dict[str, tuple[Any, tuple[str, ...]]] = {
        "modules": (hubs.modules.hub, hubs.modules.names),
        "link_modules": (links.modules.link, links.modules.names),
        "contract": (hubs.contracts.hub, hubs.contracts.names),
    }
    owner, names = owners.get(family, (np.zeros(0, np.int32), ()))
    return list(zip(owner.tolist(), names, strict=True))


def _texts(values: Positions, names: Any) -> pa.Array:
    """Names of positions, null for -1."""
    found = pa.DictionaryArray.from_arrays(
        pa.array(values, pa.int32(), mask=np.asarray(values < 0)), pa.array(list(names), pa.string())
    )
    return found.cast(pa.string())


def certificate_columns(instance: Instance, given: Certificate) -> pa.Table:
    """The table `certificate`."""
    item: list[str | None] = [None] * len(given)
    known = {name: _items(instance, name) for name in FAMILIES}
    for i in np.flatnonzero(given.item >= 0).tolist():
        item[i] = known[FAMILIES[given.row[i]]][given.item[i]][1]
    tables = {"demand": instance.demands, "hub": instance.hubs, "link": instance.links, "resource": instance.resources}
    return pa.table(
        {
            "leaf": pa.array(given.leaf, pa.int32()),
            "row": _texts(given.row, FAMILIES),
            **{name: _texts(getattr(given, name), tables[name].names) for name in NAMED},
            "item": pa.array(item, pa.string()),
            "period": pa.array(given.period, pa.int32(), mask=np.asarray(given.period < 0)),
            "price": pa.array(given.price, pa.float64()),
        }
    )


def branch_columns(instance: Instance, tree: Branches) -> pa.Table:
    """The table `branches`."""
    hub, link = (np.full(len(tree.node), -1, np.int32) for _ in range(2))
    names: list[str | None] = [None] * len(tree.node)
    for i, (variable, position) in enumerate(zip(tree.variable.tolist(), tree.position.tolist(), strict=True)):
        family = SPLIT[variable]
        owner = position
        if family in OWNER:
            owner, names[i] = _items(instance, family)[position]
        (link if family.startswith("link") else hub)[i] = owner
    numbers = {name: pa.array(getattr(tree, name), pa.int32()) for name in ("most", "low", "high")}
    return pa.table(
        {
            "node": pa.array(tree.node, pa.int32()),
            "variable": _texts(tree.variable, SPLIT),
            "hub": _texts(hub, instance.hubs.names),
            "link": _texts(link, instance.links.names),
            "item": pa.array(names, pa.string()),
            **numbers,
        }
    )


def row_lines(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows of a table as objects, without what is null."""
    for batch in table.to_batches(max_chunksize=10_000):
        yield from ({k: v for k, v in row.items() if v is not None} for row in batch.to_pylist())


def read_certificate(instance: Instance, columns: pa.Table, branches: pa.Table) -> tuple[Certificate, list[Finding]]:
    """The certificate; findings for names that the instance does not have and numbers that are missing."""
    findings: list[Finding] = []
    row = _known("certificate", columns, "row", FAMILIES, findings, needed=True)
    tables = {"demand": instance.demands, "hub": instance.hubs, "link": instance.links, "resource": instance.resources}
    found = {name: _known("certificate", columns, name, tables[name].names, findings) for name in NAMED}
    item = _item_places(instance, "certificate", FAMILIES, columns, row, found, findings)
    price = _number("certificate", columns, "price", findings).astype(np.float64)
    leaf = _number("certificate", columns, "leaf", findings)
    period = np.asarray(pc.fill_null(columns["period"], -1).to_numpy(), dtype=np.int32)
    tree = _branches(instance, branches, findings)
    return Certificate(
        leaf.astype(np.int32), row, **found, item=item, period=period, price=price, branches=tree
    ), findings


def _branches(instance: Instance, columns: pa.Table, findings: list[Finding]) -> Branches:
    variable = _known("branches", columns, "variable", SPLIT, findings, needed=True)
    found = {
        "hub": _known("branches", columns, "hub", instance.hubs.names, findings),
        "link": _known("branches", columns, "link", instance.links.names, findings),
    }
    item = _item_places(instance, "branches", SPLIT, columns, variable, found, findings)
    numbers = {
        name: _number("branches", columns, name, findings).astype(np.int32) for name in ("node", "most", "low", "high")
    }
    position = np.where(variable == 0, found["hub"], np.where(variable == 1, found["link"], item)).astype(np.int32)
    findings.extend(
        each(
            (variable >= 0) & (position < 0),
            lambda i: error("missing-field", f"branches[{i}]", MISSING, "what it splits"),
        )
    )
    return Branches(variable=variable, position=position, **numbers)


def _known(
    table: str, columns: pa.Table, key: str, names: Any, findings: list[Finding], *, needed: bool = False
) -> Positions:
    """Positions of names, -1 for null; a finding for each unknown one."""
    column = columns[key]
    at = lookup(column, names)
    given = np.asarray(pc.is_valid(column).to_numpy(), dtype=np.bool_)

    def unknown(i: int) -> Finding:
        value = column[i].as_py()
        expected = f"one of {', '.join(names)}" if needed else f"a {key} of the instance, or null"
        return error(f"unknown-{key}", f"{table}[{i}].{key}", MISSING if value is None else value, expected)

    findings.extend(each((at < 0) & (given | needed), unknown))
    return at.astype(np.int32)


def _item_places(
    instance: Instance, table: str, families: tuple[str, ...], columns: pa.Table, row: Positions,
    found: dict[str, Positions], findings: list[Finding],
) -> Positions:  # fmt: skip
    """Positions of items: of the row's hub or link where they belong to one."""
    out = np.full(len(row), -1, np.int32)
    known = {name: {key: i for i, key in enumerate(_items(instance, name))} for name in families}
    items, lost = columns["item"], np.zeros(len(row), dtype=np.bool_)
    for i in np.flatnonzero(np.asarray(pc.is_valid(items).to_numpy(), dtype=np.bool_) & (row >= 0)).tolist():
        family = families[row[i]]
        owner = int(found[OWNER[family]][i]) if family in OWNER else -1
        out[i] = known[family].get((owner, items[i].as_py()), -1)
        lost[i] = out[i] < 0
    findings.extend(
        each(
            lost, lambda i: error("unknown-item", f"{table}[{i}].item", items[i].as_py(), "an item of such rows there")
        )
    )
    return out


def _number(table: str, columns: pa.Table, key: str, findings: list[Finding]) -> NDArray[Any]:
    missing = np.asarray(pc.is_null(columns[key]).to_numpy(), dtype=np.bool_)
    findings.extend(each(missing, lambda i: error("missing-field", f"{table}[{i}].{key}", MISSING, "a number")))
    return np.asarray(pc.fill_null(columns[key], 0).to_numpy())
