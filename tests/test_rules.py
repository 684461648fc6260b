"""Rules of meaning: each fires on a document made for it, and stays silent on the same document put right."""

from __future__ import annotations

from typing import Any

import pytest
from builders import at, changed, document, findings

from instances import examine, from_document, reading
from instances.rules import RULES


def test_the_tiny_document_has_no_findings() -> None:
    assert findings(document()) == []


def test_every_rule_is_named_once() -> None:
    assert len({(r.__module__, r.__name__) for r in RULES}) == len(RULES)
    assert all(r.__doc__ for r in RULES)


TWO = {"name": "x", "capacity_gbps": 1.0, "cost": 1.0, "max_count": 1}
CHIP = {"name": "x", "capacity": {"cpu": 1.0}, "cost": 1.0, "max_count": 1}
POWER = {"name": "x", "available_kw": 1.0, "price_per_kwh": 0.1}


@pytest.mark.parametrize(
    ("path", "wrong", "finding", "right"),
    [
        # names
        ("demands.1.name", "d1", ("duplicate-name", "demands[1].name"), "d3"),
        ("hubs.1.name", "H1", ("duplicate-name", "hubs[1].name"), "west"),
        ("nodes.1.name", "WEST", ("similar-name", "nodes[1].name"), "east"),
        ("demands.1.name", "\uff441", ("similar-name", "demands[1].name"), "\uff442"),
        ("hubs.0.modules", [CHIP, CHIP], ("duplicate-name", "hubs[0].modules[1].name"), [CHIP, CHIP | {"name": "y"}]),
        ("hubs.0.contracts", [POWER, POWER], ("duplicate-name", "hubs[0].contracts[1].name"), [POWER]),
        ("links.0.modules", [TWO, TWO], ("duplicate-name", "links[0].modules[1].name"), [TWO, TWO | {"name": "y"}]),
        ("demands.0.tags", ["a\u202e"], ("name-characters", "demands[*].tags"), ["web"]),
        ("profiles.a\u0007", [1.0, 1.0], ("name-characters", "profiles"), [1.0, 1.0]),
        ("currency", "E\u200bUR", ("name-characters", "currency"), "CNY"),
        # references
        ("hubs.0.node", "north", ("unknown-node", "hubs[0].node"), "east"),
        ("links.0.a", "north", ("unknown-node", "links[0].a"), "west"),
        ("demands.0.node", "north", ("unknown-node", "demands[0].node"), "west"),
        ("hubs.0.capacity", {"gpu": 1.0}, ("unknown-resource", "hubs[0].capacity.gpu"), {"cpu": 40.0}),
        ("hubs.0.power_kw_per_unit", {"gpu": 1.0}, ("unknown-resource", "hubs[0].power_kw_per_unit.gpu"), {"cpu": 1.0}),
        ("hubs.0.pue", {"scale": 2.5, "profile": "noon"}, ("unknown-profile", "hubs[0].pue.profile"), 1.2),
        ("demands.0.allowed_hubs", ["H3"], ("unknown-hub", "demands[0].allowed_hubs[0]"), ["H1"]),
        ("demands.0.forbidden_hubs", ["H3"], ("unknown-hub", "demands[0].forbidden_hubs[0]"), ["H2"]),
        ("demands.0.forbidden_tags", ["west"], ("unknown-tag", "demands[0].forbidden_tags[0]"), []),
        ("demands.0.fixed", {"hub": "H3"}, ("unknown-hub", "demands[0].fixed.hub"), {"hub": "H1"}),
        (
            "demands.0.fixed",
            {"hub": "H1", "route": ["x"]},
            ("unknown-link", "demands[0].fixed.route[0]"),
            {"hub": "H1", "route": []},
        ),
        ("demands.0.cost_at", {"H3": 1.0}, ("unknown-hub", "demands[0].cost_at.H3"), {"H1": 1.0}),
        ("demands.0.amount_at", {"H3": {"cpu": 1.0}}, ("unknown-hub", "demands[0].amount_at.H3"), {"H1": {"cpu": 1.0}}),
        (
            "demands.0.amount_at",
            {"H1": {"gpu": 1.0}},
            ("unknown-resource", "demands[0].amount_at.H1.gpu"),
            {"H1": {"cpu": 1.0}},
        ),
        ("demands.0.amount_at", {"H1": {}}, ("amount-at", "demands[0].amount_at.H1"), {}),
        # time
        ("timezone", "Mars/Olympus", ("unknown-timezone", "timezone"), "Europe/Paris"),
        ("timezone", "../../etc/passwd", ("unknown-timezone", "timezone"), "Europe/Paris"),
        ("timezone", "Europe", ("unknown-timezone", "timezone"), "Europe/Paris"),
        ("blocks.0.start", "2026-07-01T00:00", ("naive-time", "blocks[0].start"), "2026-07-02T00:00+02:00"),
        ("blocks.0.start", "2026-07-01", ("block-start", "blocks[0].start"), "2026-07-01T00:00:00+02:00"),
        ("blocks.0.start", "2026-02-30T00:00+01:00", ("block-start", "blocks[0].start"), "2026-02-28T00:00+01:00"),
        ("blocks.0.period_hours", 0.0, ("number-range", "blocks[0].period_hours"), 0.25),
        ("blocks.0.period_hours", [1.0], ("series-length", "blocks[0].period_hours"), [1.0, 2.0]),
        ("profiles.evening", [1.0], ("series-length", "profiles.evening"), [1.0, 1.0]),
        ("demands.0.amount", {"cpu": [1.0, 2.0, 3.0]}, ("series-length", "demands[0].amount.cpu"), {"cpu": [1.0, 2.0]}),
        # numbers
        ("demands.0.amount", {"cpu": [1.0, -1.0]}, ("negative", "demands[0].amount.cpu"), {"cpu": [1.0, 0.0]}),
        (
            "demands.0.amount",
            {"cpu": {"scale": -1.0, "profile": "evening"}},
            ("negative", "demands[0].amount.cpu"),
            {"cpu": 1.0},
        ),
        ("demands.0.amount", {"cpu": 1e-10}, ("number-range", "demands[0].amount.cpu"), {"cpu": 1e-9}),
        ("demands.0.amount", {"cpu": [0.0, 1e-10]}, ("number-range", "demands[0].amount.cpu"), {"cpu": [0.0, 1e-9]}),
        ("hubs.0.capacity", {"cpu": -1.0}, ("negative", "hubs[0].capacity.cpu"), {"cpu": 20.0}),
        ("hubs.0.capacity", {"cpu": 1e13}, ("number-range", "hubs[0].capacity.cpu"), {"cpu": 1e12}),
        ("hubs.0.power_kw_per_unit", {"cpu": -1.0}, ("negative", "hubs[0].power_kw_per_unit.cpu"), {"cpu": 0.0}),
        ("hubs.0.carbon_cap_kg", -1.0, ("negative", "hubs[0].carbon_cap_kg"), 0.0),
        ("hubs.0.carbon_kg_per_kwh", [-0.1, 0.1], ("negative", "hubs[0].carbon_kg_per_kwh"), [0.0, 0.1]),
        ("hubs.0.modules", [CHIP | {"max_count": 10**10}], ("number-range", "hubs[0].modules[0].max_count"), [CHIP]),
        (
            "hubs.0.modules",
            [CHIP | {"capacity": {"cpu": -1.0}}],
            ("negative", "hubs[0].modules[0].capacity.cpu"),
            [CHIP],
        ),
        ("links.0.capacity_gbps", [5.0, -5.0], ("negative", "links[0].capacity_gbps"), [5.0, 0.0]),
        ("links.0.latency_ms", -1.0, ("negative", "links[0].latency_ms"), 3.0),
        ("policy", {"carbon_cap_kg": -1.0}, ("negative", "policy.carbon_cap_kg"), {"carbon_cap_kg": 1.0}),
        ("hubs.0.pue", 0.9, ("pue", "hubs[0].pue"), 1.0),
        ("hubs.0.pue", [1.0, 3.1], ("pue", "hubs[0].pue"), [1.0, 3.0]),
        # network
        ("nodes.0.latitude", 91.0, ("coordinates", "nodes[0].latitude"), 50.1),
        ("nodes.0.longitude", -181.0, ("coordinates", "nodes[0].longitude"), 7.1),
        ("nodes.0.longitude", None, ("coordinates", "nodes[0]"), 7.2),
        ("links.0.b", "west", ("self-loop", "links[0].b"), "east"),
        # hubs and policy
        (
            "policy",
            {"open_hubs": {"min": 2, "max": 1}},
            ("contradiction", "policy.open_hubs.min"),
            {"open_hubs": {"min": 2, "max": 2}},
        ),
        (
            "policy",
            {"open_hubs": {"min": 1, "exact": 1}},
            ("contradiction", "policy.open_hubs"),
            {"open_hubs": {"exact": 1}},
        ),
        # demands
        (
            "demands.0.fixed",
            {"hub": "H1", "route": ["west--east", "x"]},
            ("unknown-link", "demands[0].fixed.route[1]"),
            {"hub": "H1"},
        ),
        ("demands.0.traffic_gbps_per_unit", 1.0, ("contradiction", "demands[0].traffic_gbps_per_unit"), None),
    ],
)
def test_a_rule_fires_and_stays_silent(path: str, wrong: Any, finding: tuple[str, str], right: Any) -> None:
    assert finding in at(changed(path, wrong))
    other = path.replace("\u0007", "")
    assert at(changed(other, right)) == set()


@pytest.mark.parametrize(
    ("path", "value", "finding"),
    [
        ("links.0.latency_ms", 0.5, ("faster-than-light", "links[0].latency_ms")),
        ("hubs.1.energy_price_per_kwh", [80.0, 90.0], ("unit", "hubs[1].energy_price_per_kwh")),
        ("hubs.0.carbon_kg_per_kwh", 450.0, ("unit", "hubs[0].carbon_kg_per_kwh")),
        ("timezone", "Asia/Shanghai", ("offset-mismatch", "blocks[0].start")),
        ("blocks.0.start", "2026-03-29T02:30+01:00", ("offset-mismatch", "blocks[0].start")),
        ("blocks.0.start", "2026-10-25T01:30+02:00", ("clock-change", "blocks[0].start")),
        ("demands", [], ("empty-list", "demands")),
        ("demands.0.amount", {"cpu": 36.0}, ("over-capacity", "demands")),
        ("policy", {"open_hubs": {"min": 3}}, ("too-few-hubs", "policy.open_hubs")),
    ],
)
def test_oddities_are_warnings(path: str, value: Any, finding: tuple[str, str]) -> None:
    assert at(changed(path, value)) == set()
    assert at(changed(path, value), "warning") == {finding}


def test_negative_prices_are_legal_and_negative_carbon_needs_a_word() -> None:
    assert findings(changed("hubs.0.energy_price_per_kwh", [-0.1, 0.1])) == []
    made = changed("hubs.0.carbon_kg_per_kwh", -0.1)
    made["hubs"][0]["carbon_may_be_negative"] = True
    assert findings(made) == []


def test_an_amount_at_names_every_resource() -> None:
    made = document(resources=[{"name": "cpu"}, {"name": "gpu"}])
    made["demands"][0] |= {"amount": {"cpu": 1.0, "gpu": 1.0}, "amount_at": {"H1": {"cpu": 1.0}}}
    made["hubs"][0]["capacity"]["gpu"] = 5.0
    assert at(made) == {("amount-at", "demands[0].amount_at.H1")}
    made["demands"][0]["amount_at"]["H1"]["gpu"] = 0.0
    assert at(made) == set()


def test_allowed_and_forbidden_at_once() -> None:
    made = document()
    made["demands"][0] |= {"allowed_hubs": ["H1"], "forbidden_hubs": ["H1"]}
    assert at(made) == {("contradiction", "demands[0].forbidden_hubs")}
    made["hubs"][0]["tags"] = ["west"]
    made["demands"][0] |= {"forbidden_hubs": [], "allowed_tags": ["west"], "forbidden_tags": ["west"]}
    assert at(made) == {("contradiction", "demands[0].forbidden_tags")}


def test_a_pin_where_the_demand_may_not_go() -> None:
    made = document()
    made["demands"][0] |= {"fixed": {"hub": "H1"}, "forbidden_hubs": ["H1"]}
    assert at(made) == {("contradiction", "demands[0].fixed.hub")}
    made = changed("demands.0.fixed", {"hub": "H2"})
    made["hubs"][1]["status"] = "closed"
    assert at(made) == {("contradiction", "demands[0].fixed.hub")}
    made = changed("demands.0.fixed", {"hub": "H2", "route": ["west--east"]})
    made["links"][0]["status"] = "closed"
    assert at(made) == {("contradiction", "demands[0].fixed.route[0]")}


MATRIX = {"nodes": ["west", "east"], "hubs": ["H1", "H2"], "latency_ms": [[1.0, 4.0], [None, 1.0]]}


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"latency_ms": [[1.0, 4.0]]}, ("matrix-shape", "latency_matrix.latency_ms")),
        ({"latency_ms": [[1.0, 4.0], [1.0]]}, ("matrix-shape", "latency_matrix.latency_ms[1]")),
        ({"price_per_gbps_h": [[1.0], [1.0]]}, ("matrix-shape", "latency_matrix.price_per_gbps_h[0]")),
        ({"latency_ms": [[1.0, -4.0], [None, 1.0]]}, ("negative", "latency_matrix.latency_ms[0][1]")),
        ({"nodes": ["west", "west"]}, ("duplicate-name", "latency_matrix.nodes[1]")),
        ({"hubs": ["H1", "H3"]}, ("unknown-hub", "latency_matrix.hubs[1]")),
        ({"nodes": ["west", "south"]}, ("unknown-node", "latency_matrix.nodes[1]")),
    ],
)
def test_the_latency_matrix(change: dict[str, Any], finding: tuple[str, str]) -> None:
    assert findings(document(links=[], latency_matrix=MATRIX)) == []
    assert finding in at(document(links=[], latency_matrix=MATRIX | change))


def test_a_matrix_and_links_exclude_one_another() -> None:
    assert at(document(latency_matrix=MATRIX)) == {("contradiction", "latency_matrix")}


def test_a_route_where_there_is_no_network() -> None:
    made = changed("demands.0.fixed", {"hub": "H1", "route": ["x"]}, document(links=[], latency_matrix=MATRIX))
    assert at(made) == {("contradiction", "demands[0].fixed.route")}


def test_parallel_links() -> None:
    made = document()
    made["links"].append({"name": "slow", "a": "east", "b": "west", "latency_ms": 4000.0})
    assert at(made, "warning") == {("parallel-links", "links[1].latency_ms")}
    made["links"][1] |= {"latency_ms": 5.0}
    assert findings(made) == []
    del made["links"][1]["name"]
    made["links"][1] |= {"a": "west", "b": "east"}
    assert at(made) == {("duplicate-name", "links[1].name")}


def test_blocks_that_overlap_or_repeat() -> None:
    made = document()
    for block in ({"start": "2026-07-01T00:00+02:00"}, {"start": "2026-07-01T00:30+02:00"}):
        other = {"name": "again", "periods": 1, **block}
        made["blocks"] = [{"name": "day", "start": "2026-07-01T00:00+02:00", "periods": 1}, other]
        assert at(made, "warning") == {("block-overlap", "blocks[1].start")}
    made["blocks"][1]["start"] = "2026-07-01T01:00+02:00"
    assert findings(made) == []


def test_a_flat_feed() -> None:
    made = document(profiles=None)
    made["blocks"][0]["periods"] = 24
    made["demands"][1]["amount"] = {"cpu": 1.0}
    made["hubs"][1]["energy_price_per_kwh"] = [0.1] * 24
    assert at(made, "warning") == {("flat-series", "hubs[1].energy_price_per_kwh")}
    made["hubs"][1]["energy_price_per_kwh"][3] = 0.2
    assert findings(made) == []


# --- capacity -----------------------------------------------------------------------------------------------


def test_capacity_counts_modules_and_not_closed_hubs() -> None:
    made = changed("demands.0.amount", {"cpu": 36.0})
    made["hubs"][0]["modules"] = [CHIP | {"max_count": 4}]
    assert findings(made) == []
    made["hubs"][0]["modules"] = [CHIP | {"max_count": 3}]
    assert at(made, "warning") == {("over-capacity", "demands")}
    made = changed("hubs.1.status", "closed")
    assert findings(made) == []
    made["demands"][0]["amount"] = {"cpu": 13.0}
    assert at(made, "warning") == {("over-capacity", "demands")}
    made["demands"][0]["unserved_penalty_per_unit_h"] = 1.0
    assert findings(made) == []


def test_a_demand_larger_than_any_hub() -> None:
    made = changed("demands.0.amount", {"cpu": [1.0, 21.0]})
    assert findings(made) == []
    made["demands"][0]["placement"] = "single"
    assert at(made, "warning") == {("too-large", "demands[0].amount.cpu")}
    made["hubs"][1]["capacity"] = {"cpu": None}
    assert findings(made) == []


# --- both containers ----------------------------------------------------------------------------------------


def test_rules_judge_both_containers(tmp_path: Any) -> None:
    from instances import write

    made = changed("demands.0.amount", {"cpu": 36.0})
    made["links"][0]["latency_ms"] = 0.5
    instance = from_document(made)
    write(instance, tmp_path / "folder")
    write(instance, tmp_path / "a.json")
    _, of_folder = examine(tmp_path / "folder")
    _, of_json = reading.examine(tmp_path / "a.json")
    assert of_folder == of_json
    assert {f.code for f in of_json} == {"faster-than-light", "over-capacity"}
