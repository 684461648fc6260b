"""The format page, the JSON Schema, and the document round trip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import changed, document
from random_instances import random_document

from instances import InvalidInstance, from_document, json_schema, schema, to_document
from instances.format_page import PAGE, RECORDS, renewed


def codes(made: dict[str, Any]) -> set[str]:
    with pytest.raises(InvalidInstance) as caught:
        from_document(made)
    return {f.code for f in caught.value.findings if f.severity == "error"}


def test_the_page_equals_the_schema() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert renewed(text) == text, "run python -m instances.format_page"


def test_every_record_has_its_table() -> None:
    declared = {record for record in schema.Record.__subclasses__() if record.__module__ == schema.__name__}
    assert declared == set(RECORDS)


def test_the_json_schema_names_every_field_with_its_unit() -> None:
    made = json_schema()
    for model in RECORDS:
        found = made if model is schema.Document else made["$defs"][model.__name__]
        assert set(found["properties"]) == set(model.model_fields)
    assert made["$defs"]["Demand"]["properties"]["max_latency_ms"]["unit"] == "ms"


def test_the_example_of_the_page_is_valid() -> None:
    import json

    example = PAGE.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    assert from_document(json.loads(example)).hubs["H"].capacity[0, 0] == 10.0


@pytest.mark.parametrize("seed", range(40))
def test_a_document_survives_its_instance(seed: int) -> None:
    instance = from_document(random_document(seed))
    again = from_document(to_document(instance))
    assert again.fingerprint == instance.fingerprint
    assert to_document(again) == to_document(instance)


def test_the_canonical_document_leaves_defaults_out() -> None:
    spelled_out = changed("hubs.0.pue", 1.0)
    spelled_out["demands"][0] |= {"placement": "split", "timing": "fixed", "forbidden_hubs": [], "label": ""}
    assert to_document(from_document(spelled_out)) == to_document(from_document(document())) == document()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "other"),
        ("title", "other"),
        ("description", "other"),
        ("currency", "CNY"),
        ("timezone", "Europe/Paris"),
        ("provenance", [{"path": "hubs", "status": "estimate"}]),
        ("profiles.evening", [0.5, 0.9]),
        ("profiles.unused", [0.0, 0.0]),
        ("blocks.0.weight", 2.0),
        ("blocks.0.kind", "cyclic"),
        ("nodes.0.transit", False),
        ("links.0.latency_ms", 5.0),
        ("links.0.name", "cable"),
        ("hubs.0.label", "first"),
        ("hubs.0.capacity", {"cpu": None}),
        ("hubs.0.energy_price_per_kwh", [0.2, 0.2]),
        ("demands.0.amount", {"cpu": 10.000000000000002}),
        ("demands.0.placement", "single"),
        ("demands.0.forbidden_hubs", ["H2"]),
        ("demands.0.fixed", {"hub": "H1"}),
        ("demands.0.cost_at", {"H1": 1.0}),
        ("demands.0.amount_at", {"H1": {"cpu": 10.0}}),
        ("policy", {"carbon_cap_kg": 5.0}),
        ("policy", {"carbon_cap_kg": {"limit": 5.0, "price_per_unit": 1.0}}),
        ("hubs.0.carbon_cap_kg", {"limit": 5.0, "price_per_unit": 0.0}),
        ("routes", {"candidates": 4}),
    ],
)
def test_the_fingerprint_sees_every_change(path: str, value: Any) -> None:
    assert from_document(changed(path, value)).fingerprint != from_document(document()).fingerprint


def test_the_fingerprint_does_not_see_how_it_is_said() -> None:
    said = document()
    for demand in said["demands"]:
        demand["node"], demand["amount"] = demand.pop("node"), demand.pop("amount")
    said["demands"][0]["amount"] = {"cpu": 10}
    said["hubs"][0]["idle_kw"] = -0.0
    said["demands"][1]["traffic_back_gbps"] = 0
    assert from_document(said).fingerprint == from_document(document()).fingerprint


def test_defaults_are_merged_and_a_row_goes_first() -> None:
    made = document(defaults={"demands": {"placement": "single", "max_latency_ms": 20.0}})
    instance = from_document(made)
    assert instance.demands.single.all()
    assert instance.demands.max_latency_ms.tolist() == [3.0, 20.0]


def test_null_is_a_value_of_its_own() -> None:
    made = changed("demands.1.max_latency_ms", None, document(defaults={"demands": {"max_latency_ms": 20.0}}))
    assert from_document(made).demands.max_latency_ms.tolist() == [3.0, np.inf]


def test_placement_overrides_every_demand() -> None:
    single = from_document(document(), placement="single")
    assert single.demands.single.all()
    assert single.fingerprint != from_document(document()).fingerprint


def test_traffic_per_unit_follows_the_first_resource() -> None:
    made = changed("demands.1.traffic_gbps", None)
    made["demands"][1]["traffic_gbps_per_unit"] = 0.25
    instance = from_document(made)
    assert instance.demands.traffic_gbps.dense(1).tolist() == [0.25 * 8.0 * 0.5, 0.25 * 8.0]
    assert to_document(instance)["demands"][1]["traffic_gbps_per_unit"] == 0.25
