"""Readers of the public assignment formats: small files by hand, malformed files, and every file of the shared set."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from instances import InvalidInstance, examine, from_document, read
from instances.benchmarks import READERS
from instances.instance import Instance

CAP = "2 3\n100 7.5\n80 0\n10\n1 2\n20\n3.5 4\n30\n5 6\n"
SSCFLP = "2 3\n100 80\n7.5 0\n10 20 30\n1 2\n3.5 4\n5 6\n"
GAP = "2 3\n 1 2 3\n 4 5 6\n 7 8 9\n 10 11 12\n 20 21\n"
PMEDIAN = "4 6 2\n1 2 9\n2 3 1\n3 4 2\n2 1 3\n4 1 8\n3 3 5\n"  # 1-2 twice: 3 counts; 3-3 leads nowhere
SMALL = {"orlib-cap": CAP, "sscflp": SSCFLP, "gap": GAP, "pmedian": PMEDIAN}


def small(format: str) -> Instance:
    return from_document(READERS[format](SMALL[format], "small"))


def costs(instance: Instance) -> np.ndarray[Any, Any]:
    """(D, H) override costs; a pair without an override costs 0."""
    overrides = instance.demands.overrides
    table = np.zeros((len(instance.demands), len(instance.hubs)))
    table[overrides.demand, overrides.hub] = overrides.cost
    return table


@pytest.mark.parametrize("format", ["orlib-cap", "sscflp"])
def test_facility_location(format: str) -> None:
    instance = small(format)
    assert list(instance.demands.names) == ["d1", "d2", "d3"]
    assert list(instance.hubs.names) == ["h1", "h2"]
    assert instance.hubs.status.tolist() == [1, 1]
    assert instance.hubs.opening_cost.tolist() == [7.5, 0.0]
    assert instance.hubs.capacity.dense()[:, 0, 0].tolist() == [100.0, 80.0]
    assert instance.demands.amount.dense()[:, 0, 0].tolist() == [10.0, 20.0, 30.0]
    assert costs(instance).tolist() == [[1.0, 2.0], [3.5, 4.0], [5.0, 6.0]]
    assert instance.demands.single.tolist() == [format == "sscflp"] * 3
    assert np.isnan(instance.demands.unserved_penalty_per_unit_h).all()
    assert instance.time.weighted_hours.tolist() == [1.0]
    assert len(instance.links) == 0


def test_generalised_assignment() -> None:
    instance = small("gap")
    assert instance.hubs.status.tolist() == [0, 0]
    assert instance.hubs.capacity.dense()[:, 0, 0].tolist() == [20.0, 21.0]
    assert costs(instance).tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    overrides = instance.demands.overrides
    assert overrides.has_amount.all()
    uses = overrides.amount.dense()[:, 0, 0].reshape(3, 2)
    assert uses.tolist() == [[7.0, 10.0], [8.0, 11.0], [9.0, 12.0]]
    assert instance.demands.single.all()


def test_pmedian() -> None:
    instance = small("pmedian")
    assert costs(instance).tolist() == [[0, 3, 4, 6], [3, 0, 1, 3], [4, 1, 0, 2], [6, 3, 2, 0]]
    assert instance.hubs.status.tolist() == [1] * 4
    assert instance.hubs.opening_cost.tolist() == [0.0] * 4
    assert np.isinf(instance.hubs.capacity.dense()).all()
    assert (instance.policy.open_hubs_min, instance.policy.open_hubs_max) == (2, 2)
    assert instance.demands.single.all()


def test_pmedian_distances_equal_networkx() -> None:
    """With repeated edges in both directions and edges of length 0."""
    rng = np.random.default_rng(5)
    n = 30
    ends = np.concatenate([[(i, i + 1) for i in range(1, n)], rng.integers(1, n + 1, (200, 2))])
    rows = [(int(i), int(j), int(length)) for (i, j), length in zip(ends, rng.integers(0, 20, len(ends)), strict=True)]
    graph = nx.Graph()
    for i, j, length in rows:
        graph.add_edge(i, j, length=length)
    text = f"{n} {len(rows)} 3\n" + "\n".join(f"{i} {j} {length}" for i, j, length in rows)
    expected = dict(nx.all_pairs_dijkstra_path_length(graph, weight="length"))
    got = costs(from_document(READERS["pmedian"](text, "random")))
    assert got.tolist() == [[expected[i][j] for j in range(1, n + 1)] for i in range(1, n + 1)]


def test_placement_can_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "cap.txt"
    path.write_text(CAP)
    assert not read(path, format="orlib-cap").demands.single.any()
    assert read(path, format="orlib-cap", placement="single").demands.single.all()


@pytest.mark.parametrize(
    ("format", "text", "code", "path"),
    [
        ("orlib-cap", "", "too-few-numbers", "line 1"),
        ("orlib-cap", CAP.replace("\n5 6\n", "\n5\n"), "too-few-numbers", "line 9"),
        ("orlib-cap", CAP + "\n8 9", "too-many-numbers", "line 11"),
        ("orlib-cap", CAP.replace("3.5", "abc"), "wrong-number", "line 7"),
        ("orlib-cap", CAP.replace("3.5", "nan"), "wrong-number", "line 7"),
        ("orlib-cap", CAP.replace("3.5", "1e999"), "wrong-number", "line 7"),
        ("orlib-cap", CAP.replace("3.5", "3_5"), "wrong-number", "line 7"),
        ("orlib-cap", CAP.replace("80 0", "-80 0"), "wrong-number", "line 3"),
        ("orlib-cap", CAP.replace("2 3\n", "-2 3\n", 1), "wrong-number", "line 1"),
        ("orlib-cap", CAP.replace("2 3\n", "2.5 3\n", 1), "wrong-number", "line 1"),
        ("orlib-cap", CAP.replace("2 3\n", "0 3\n", 1), "wrong-number", "line 1"),
        ("orlib-cap", CAP.replace("2 3\n", "1000000 1000000\n", 1), "number-range", "line 1"),
        ("sscflp", SSCFLP.replace("10 20 30", "10 20"), "too-few-numbers", "line 7"),
        ("sscflp", SSCFLP.replace("100 80", "100 80 90"), "too-many-numbers", "line 7"),
        ("gap", GAP.replace("20 21", "20"), "too-few-numbers", "line 6"),
        ("gap", GAP.replace("7 8 9", "7 -8 9"), "wrong-number", "line 4"),
        ("pmedian", PMEDIAN.replace("4 6 2", "4 6 5"), "wrong-number", "line 1"),
        ("pmedian", PMEDIAN.replace("3 4 2", "3 5 2"), "wrong-number", "edge 3"),
        ("pmedian", PMEDIAN.replace("4 6 2", "5 6 2"), "not-connected", "edges"),
        ("pmedian", "100000 1 2\n1 2 3\n", "number-range", "line 1"),
    ],
)
def test_malformed_files_name_the_line(format: str, text: str, code: str, path: str) -> None:
    with pytest.raises(InvalidInstance) as refused:
        READERS[format](text, "small")
    assert [(f.code, f.path) for f in refused.value.findings] == [(code, path)]


def test_all_wrong_numbers_are_found_at_once() -> None:
    with pytest.raises(InvalidInstance) as refused:
        READERS["gap"](GAP.replace("1 2 3", "x 2 y").replace("20 21", "20 z"), "small")
    assert [(f.path, f.found) for f in refused.value.findings] == [("line 2", "x"), ("line 2", "y"), ("line 6", "z")]


SHARED = Path(os.environ.get("HUBPLAN_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "benchmarks"
FORMATS = {"cflp": "orlib-cap", "sscflp": "sscflp", "gap": "gap", "pmedian": "pmedian"}


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no benchmark files at {SHARED}; set HUBPLAN_SHARED")
@pytest.mark.parametrize("family", FORMATS)
def test_every_shared_file_reads_without_findings(family: str) -> None:
    with (SHARED / "known_values.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].split("/")[0] == family]
    assert len(rows) >= 20
    for row in rows:
        instance, findings = examine(SHARED / row["file"], format=FORMATS[family])
        assert instance is not None
        assert findings == []
        assert len(instance.demands) == int(row["n_demands"])
        hubs = instance.policy.open_hubs_max if family == "pmedian" else len(instance.hubs)
        assert hubs == int(row["n_hubs"]), row["file"]
        assert bool(instance.demands.single.all()) == (row["placement"] == "single")
