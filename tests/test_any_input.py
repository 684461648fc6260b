"""Anything at all as input: findings or an instance, never a traceback."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from builders import changed, document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instances import InvalidInstance, check_input, from_document

GOOD = json.dumps(document())

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["cpu", "west", "H1", "d1", "evening", "open", "2026-07-01T00:00+02:00"]),
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


def places(value: Any, path: str = "") -> list[str]:
    """Every place of a document as a dotted path."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, child in inner:
        found += places(child, f"{path}.{key}" if path else str(key))
    return found


def rich_document() -> dict[str, Any]:
    """The tiny document with more of the optional fields."""
    made = document(policy={"open_hubs": {"min": 1}, "carbon_cap_kg": 1e6}, defaults={"demands": {"timing": "fixed"}})
    made["hubs"][0] |= {
        "modules": [{"capacity": {"cpu": 1.0}, "cost": 1.0, "max_count": 2}],
        "contracts": [{"name": "c", "available_kw": [1.0, 2.0], "price_per_kwh": 0.1}],
        "tags": ["green"],
    }
    made["demands"][1] |= {
        "allowed_hubs": ["H1", "H2"],
        "forbidden_tags": ["green"],
        "deferral": {"window_h": 1.0, "max_rate": 20.0},
        "amount_at": {"H1": {"cpu": {"scale": 9.0, "profile": "evening"}}},
        "cost_at": {"H1": 1.0},
        "fixed": {"hub": "H2", "route": ["west--east"]},
        "traffic_gbps": None,
    }
    return made


def survives(made: Any) -> None:
    """Either an instance or findings."""
    try:
        instance = from_document(made)
    except InvalidInstance as e:
        assert e.findings
        assert str(e).encode()
    else:
        assert instance.fingerprint


def test_the_rich_document_is_valid() -> None:
    assert from_document(rich_document()).fingerprint


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.sampled_from(places(rich_document())), value=anything)
def test_any_value_at_any_place_gives_findings_or_an_instance(place: str, value: Any) -> None:
    survives(changed(place, value, rich_document()))


@settings(max_examples=150, deadline=None)
@given(anything)
def test_any_document_gives_findings(value: Any) -> None:
    survives(value)
    if isinstance(value, dict):
        survives({"format": "hubplan/1", **value})


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.booleans())
def test_any_bytes_give_findings_or_an_instance(tmp_path: Path, noise: bytes, at: int, packed: bool) -> None:
    content = GOOD.encode()[:at] + noise + GOOD.encode()[at + len(noise) :]
    (tmp_path / "a.json").write_bytes(gzip.compress(content)[: 20 + at] + noise if packed else content)
    for finding in check_input(tmp_path / "a.json"):
        assert str(finding).isprintable()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["demands", "nodes", "links", "series"]), st.text(max_size=80) | st.binary(max_size=80))
def test_any_table_gives_findings_or_an_instance(tmp_path: Path, table: str, noise: str | bytes) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    made = document()
    made.pop(table, None)
    (folder / "instance.json").write_text(json.dumps(made))
    headers = {
        "demands": "name,node,amount.cpu",
        "nodes": "name,latitude",
        "links": "a,b,latency_ms",
        "series": "table,name,field,p0,p1",
    }
    data = noise.encode("utf-8", "replace") if isinstance(noise, str) else noise
    (folder / f"{table}.csv").write_bytes(headers[table].encode() + b"\n" + data)
    for finding in check_input(folder):
        assert str(finding).isprintable()
