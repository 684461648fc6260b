"""The page of features: what it names exists, and no field of the full model is missing from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from instances import schema

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in (ROOT / "docs" / "features.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| feature")
]
FIELDS = {name for model in (schema.Hub, schema.Demand, schema.Policy) for name in model.model_fields}
# of the main job, where docs/model.md and tests/test_checking.py have them one by one
BASIC = {
    "name", "label", "tags", "node", "latitude", "longitude", "access_latency_ms", "status", "opening_cost", "capacity",
    "modules", "pue", "idle_kw", "power_kw_per_unit", "energy_price_per_kwh", "carbon_kg_per_kwh",
    "carbon_may_be_negative", "connection_limit_kw", "amount", "traffic_gbps", "traffic_gbps_per_unit",
    "traffic_back_gbps", "max_latency_ms", "placement", "timing", "unserved_penalty_per_unit_h", "allowed_hubs",
    "forbidden_hubs", "allowed_tags", "forbidden_tags", "fixed", "amount_at", "cost_at", "carbon_price_per_kg",
    "open_hubs",
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_what_a_row_names_exists(row: list[str]) -> None:
    _, fields, file, rule, satisfied, violated = row
    assert set(re.findall(r"`(\w+)`", fields)) <= FIELDS
    assert (ROOT / file.strip("`")).is_file()
    assert rule in (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    for test in (satisfied, violated):
        where, _, name = test.strip("`").partition("::")
        assert f"def {name}(" in (ROOT / "tests" / where).read_text(encoding="utf-8")


def test_every_field_is_basic_or_a_feature() -> None:
    claimed = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[1])}
    assert claimed == FIELDS - BASIC
