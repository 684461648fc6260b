"""JSON, gzipped JSON and folders: one meaning, one fingerprint, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import changed, document
from random_instances import random_document

from instances import Instance, InvalidInstance, from_document, load, read, to_document, write

Kind = Literal["parquet", "csv"]


def rich() -> Instance:
    """An instance that uses every column of the tables."""
    made = document(resources=[{"name": "cpu"}, {"name": "gpu"}])
    made["links"][0] |= {"capacity_gbps": [5.0, 6.5], "modules": [{"capacity_gbps": 1.0, "cost": 2.0, "max_count": 3}]}
    made["links"].append(
        {
            "name": "second",
            "a": "west",
            "b": "east",
            "latency_ms": 4.5,
            "capacity_gbps": {"scale": 3.0, "profile": "evening"},
        }
    )
    made["hubs"][0]["tags"] = ["green", "=cmd|'/c calc'!A1"]
    made["demands"] += [
        {
            "name": 'd3, the "third"',
            "label": "line\nbreak, ünïcode <script>",
            "tags": ["web"],
            "node": "west",
            "amount": {"gpu": [0.1, 0.30000000000000004], "cpu": {"scale": 2.0, "profile": "evening"}},
            "traffic_gbps_per_unit": 0.125,
            "traffic_back_gbps": [1.0, 1e-7],
            "timing": "per_period",
            "unserved_penalty_per_unit_h": 7.0,
            "allowed_tags": ["green"],
            "forbidden_hubs": ["H2"],
            "amount_at": {"H1": {"gpu": [1.0, 2.0], "cpu": 0}},
            "cost_at": {"H1": -3.5},
        },
        {
            "name": "d4",
            "node": "east",
            "amount": {"cpu": 1.5},
            "allowed_hubs": ["H2", "H1"],
            "deferral": {"window_h": 1},
        },
        {"name": "d5", "node": "east", "amount": {"cpu": [1.0, 2.0]}, "fixed": {"hub": "H1", "route": ["second"]}},
        {"name": "d6", "node": "east", "amount": {"gpu": 0, "cpu": 2}, "placement": "single", "fixed": {"hub": "H2"}},
        {"name": "d7", "node": "west", "amount": {}},
        {"name": "d8", "node": "west", "amount": {}, "placement": "single", "protection": "hub"},
        {"name": "d9", "node": "east", "amount": {}, "placement": "single", "protection": "link"},
    ]
    return from_document(made)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("seed", range(12))
def test_json_to_folder_to_json_is_exact(tmp_path: Path, kind: Kind, seed: int) -> None:
    start = from_document(random_document(1000 + seed))
    write(start, tmp_path / "a.json")
    write(read(tmp_path / "a.json"), tmp_path / "b", tables=kind)
    write(read(tmp_path / "b"), tmp_path / "c.json.gz")
    end = read(tmp_path / "c.json.gz")
    assert end.fingerprint == start.fingerprint == read(tmp_path / "b").fingerprint
    assert to_document(end) == to_document(start)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_every_column_survives_the_folder(tmp_path: Path, kind: Kind) -> None:
    start = rich()
    write(start, tmp_path / "folder", tables=kind)
    again = read(tmp_path / "folder")
    assert to_document(again) == to_document(start)
    assert again.fingerprint == start.fingerprint


def test_the_bundled_instance_survives_the_folder(tmp_path: Path) -> None:
    start = load("east-west")
    write(start, tmp_path / "folder")
    assert read(tmp_path / "folder").fingerprint == start.fingerprint


def test_numbers_are_exact_in_csv(tmp_path: Path) -> None:
    numbers = (10.0 ** np.random.default_rng(3).uniform(-8, 11, 2000)).reshape(1000, 2)
    demands = [
        {"name": f"d{i}", "node": "west", "amount": {"cpu": list(row)}} for i, row in enumerate(numbers.tolist())
    ]
    start = from_document(document(demands=demands))
    write(start, tmp_path / "folder", tables="csv")
    assert np.array_equal(read(tmp_path / "folder").demands.amount.dense((slice(None), 0)), numbers)


def test_tables_in_any_order_and_type_mean_the_same(tmp_path: Path) -> None:
    """Another tool may write integers, dictionaries, large strings, and series in another order."""
    start = rich()
    write(start, tmp_path / "folder")
    demands = pq.read_table(tmp_path / "folder" / "demands.parquet")
    node = demands.column("node").dictionary_encode()
    name = demands.column("name").cast(pa.large_string())
    demands = demands.set_column(demands.column_names.index("node"), "node", node)
    demands = demands.set_column(demands.column_names.index("name"), "name", name)
    pq.write_table(demands.select(demands.column_names[::-1]), tmp_path / "folder" / "demands.parquet")
    series = pq.read_table(tmp_path / "folder" / "series.parquet")
    pq.write_table(series.take(list(range(len(series)))[::-1]), tmp_path / "folder" / "series.parquet")
    assert read(tmp_path / "folder").fingerprint == start.fingerprint


def test_tables_may_stand_in_the_main_file(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "instance.json").write_text(json.dumps(document()))
    assert read(folder).fingerprint == from_document(document()).fingerprint


def test_defaults_serve_tables_of_nodes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    made = document(nodes=None, defaults={"nodes": {"access_latency_ms": 2.0}})
    (folder / "instance.json").write_text(json.dumps(made))
    (folder / "nodes.csv").write_text("name,access_latency_ms\nwest,\neast,1.5\n")
    assert read(folder).nodes.access_latency_ms.tolist() == [2.0, 1.5]


def test_placement_applies_to_a_folder(tmp_path: Path) -> None:
    write(from_document(document()), tmp_path / "folder")
    assert (
        read(tmp_path / "folder", placement="single").fingerprint
        == from_document(document(), placement="single").fingerprint
    )


def test_an_instance_without_demands_or_series_survives(tmp_path: Path) -> None:
    for kind in ("parquet", "csv"):
        start = from_document(document(demands=[], links=[]))
        write(start, tmp_path / kind, tables=kind)
        assert read(tmp_path / kind).fingerprint == start.fingerprint


# --- writing ------------------------------------------------------------------------------------------------


def test_writing_replaces_an_instance(tmp_path: Path) -> None:
    for name in ("a.json", "a.json.gz", "folder"):
        write(rich(), tmp_path / name)
        write(from_document(document()), tmp_path / name)
        assert read(tmp_path / name).name == "tiny"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.json.gz", "folder"]


def test_writing_is_reproducible(tmp_path: Path) -> None:
    for name in ("a.json.gz", "b.json.gz"):
        write(rich(), tmp_path / name)
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def test_writing_refuses_what_is_not_an_instance(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"cat")
    (tmp_path / "notes").write_text("text")
    (tmp_path / "folder.json").mkdir()
    for name in ("photos", "notes", "folder.json"):
        with pytest.raises(InvalidInstance, match="occupied-path"):
            write(rich(), tmp_path / name)
    assert (tmp_path / "photos" / "cat.png").read_bytes() == b"cat"
    assert (tmp_path / "notes").read_text() == "text"


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    write(rich(), tmp_path / "folder")
    assert read(tmp_path / "folder").fingerprint == rich().fingerprint


@pytest.mark.parametrize("name", ["a.json", "folder"])
def test_a_failed_write_leaves_the_old_and_no_litter(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(rich(), tmp_path / name)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(from_document(document()), tmp_path / name)
    assert read(tmp_path / name).fingerprint == rich().fingerprint
    assert [p.name for p in tmp_path.iterdir()] == [name]


# --- faults of a folder -------------------------------------------------------------------------------------


def folder_of(tmp_path: Path, kind: Kind = "csv") -> Path:
    write(rich(), tmp_path / "folder", tables=kind)
    return tmp_path / "folder"


def findings(path: Path) -> set[tuple[str, str]]:
    with pytest.raises(InvalidInstance) as caught:
        read(path)
    return {(f.code, f.path) for f in caught.value.findings if f.severity == "error"}


def demands_csv(text: str, tmp_path: Path, **changes: Any) -> Path:
    """The tiny document with a table of demands."""
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    (folder / "instance.json").write_text(json.dumps(document(demands=None, **changes)))
    (folder / "demands.csv").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("cell", "finding"),
    [
        ("name,node,amount.cpu\na,wset,1", ("unknown-node", "demands[0].node")),
        ("name,node,amount.gpu\na,west,1", ("unknown-field", "demands[amount.gpu]")),
        ("name,nod,amount.cpu\na,west,1", ("unknown-field", "demands.nod")),
        ("name,node,amount.cpu\na,west,x", ("wrong-type", "demands[0].amount.cpu")),
        ('name,node,amount.cpu\na,west,"1,5"', ("wrong-type", "demands[0].amount.cpu")),
        ("name,node,amount.cpu\na,west,n/e", ("wrong-type", "demands[0].amount.cpu")),
        ("name,node,amount.cpu\na,west,nan", ("number-range", "demands[0].amount.cpu")),
        ("name,node,amount.cpu\na,west,1e999", ("number-range", "demands[0].amount.cpu")),
        ("name,node,amount.cpu\na,west,-1", ("negative", "demands[0].amount.cpu")),
        ("name,node,amount.cpu\n,west,1", ("missing-field", "demands[0].name")),
        ("name,amount.cpu\na,1", ("missing-field", "demands.node")),
        ("name,node,amount.cpu\na,west,1\na,west,1", ("duplicate-name", "demands[1].name")),
        ("name,node,amount.cpu\na,west,1\nA,west,1", ("similar-name", "demands[1].name")),
        ("name,name,node\na,a,west", ("duplicate-key", "demands")),
        ("name,node,placement\na,west,both", ("wrong-value", "demands[0].placement")),
        ("name,node,max_latency_ms\na,west,-1", ("negative", "demands[0].max_latency_ms")),
        ("name,node,deferral.max_rate\na,west,1", ("missing-field", "demands[0].deferral.window_h")),
        ("name,node,deferral.window_h,deferral.mode\na,west,1,slab", ("wrong-value", "demands[0].deferral.mode")),
        ("name,node,protection\na,west,both", ("wrong-value", "demands[0].protection")),
        ("name,node,migration_cost\na,west,-3", ("negative", "demands[0].migration_cost")),
        ("name,node,allowed_hubs\na,west,H1", ("wrong-type", "demands[0].allowed_hubs")),
        ('name,node,allowed_hubs\na,west,"[1]"', ("wrong-type", "demands[0].allowed_hubs[0]")),
        ('name,node,allowed_hubs\na,west,"[""H9""]"', ("unknown-hub", "demands[0].allowed_hubs[0]")),
        ("name,node,fixed.hub\na,west,H9", ("unknown-hub", "demands[0].fixed.hub")),
        ("name,node,amount.cpu:profile\na,west,evening", ("missing-field", "demands[0].amount.cpu")),
        (
            "name,node,amount.cpu,amount.cpu:profile\na,west,1,noon",
            ("unknown-profile", "demands[0].amount.cpu:profile"),
        ),
        ("name,node,amount:first\na,west,cpu", ("unknown-resource", "demands[0].amount:first")),
    ],
)
def test_a_wrong_cell_is_found_where_it_stands(tmp_path: Path, cell: str, finding: tuple[str, str]) -> None:
    assert finding in findings(demands_csv(cell + "\n", tmp_path))


def test_wrong_cells_are_found_together(tmp_path: Path) -> None:
    text = "name,node,amount.cpu,max_latency_ms\na,wset,1,1\nb,west,x,1\nc,west,1,-4\n"
    assert {code for code, _ in findings(demands_csv(text, tmp_path))} == {"unknown-node", "wrong-type", "negative"}


def test_findings_of_a_million_rows_are_counted_not_listed(tmp_path: Path) -> None:
    folder = demands_csv("name,node\n" + "".join(f"d{i},nowhere\n" for i in range(5000)), tmp_path)
    with pytest.raises(InvalidInstance) as caught:
        read(folder)
    assert sum(1 + f.more for f in caught.value.findings if f.code == "unknown-node") == 5000
    assert len(str(caught.value).splitlines()) <= 101


def test_faults_of_the_series_table(tmp_path: Path) -> None:
    text = "name,node,amount.cpu\na,west,\nb,west,3\n"
    header = "table,name,field,p0,p1\n"
    for series, finding in (
        ("table,name,field,p0\ndemands,a,amount.cpu,1\n", ("series-length", "series")),
        (header + "demands,z,amount.cpu,1,2\n", ("unknown-name", "series[0].name (demands)")),
        (header + "demands,a,amount.cpu,1,\n", ("missing-field", "series[0].p1")),
        (header + "demands,a,amount.cpu,1,x\n", ("wrong-type", "series[0].p1")),
        (header + "demands,a,amount.gpu,1,2\n", ("unknown-field", "series[0]")),
        (header + "hubs,H1,pue,1,2\n", ("unknown-field", "series[0]")),
        (header + "demands,b,amount.cpu,1,2\n", ("contradiction", "demands[1].amount.cpu")),
        (header + "demands,a,amount.cpu,1,2\ndemands,a,amount.cpu,1,2\n", ("duplicate-name", "series[1]")),
        (header + "demands,a,amount.cpu,1,-2\n", ("negative", "demands[0].amount.cpu")),
        ("table,name,field,p0,p1,p2\ndemands,a,amount.cpu,1,2,3\n", ("unknown-field", "series.p2")),
    ):
        folder = demands_csv(text, tmp_path)
        (folder / "series.csv").write_text(series)
        assert finding in findings(folder), series


def test_a_folder_without_its_main_file(tmp_path: Path) -> None:
    assert findings(tmp_path) == {("no-main-file", str(tmp_path))}


def test_a_table_twice(tmp_path: Path) -> None:
    folder = demands_csv("name,node\na,west\n", tmp_path)
    (folder / "demands.parquet").write_bytes(b"")
    assert {code for code, _ in findings(folder)} == {"contradiction"}
    (folder / "demands.parquet").unlink()
    (folder / "instance.json").write_text(json.dumps(document()))
    assert findings(folder) == {("contradiction", "demands")}


def test_a_table_of_another_name(tmp_path: Path) -> None:
    folder = demands_csv("name,node\na,west\n", tmp_path)
    (folder / "demand.csv").write_text("name\n")
    assert {code for code, _ in findings(folder)} == {"unknown-table"}


def test_defaults_beside_a_table_of_demands(tmp_path: Path) -> None:
    folder = demands_csv("name,node\na,west\n", tmp_path, defaults={"demands": {"placement": "single"}})
    assert findings(folder) == {("contradiction", "defaults.demands")}


@pytest.mark.parametrize("name", ["demands.csv", "demands.parquet", "instance.json"])
def test_a_link_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = demands_csv("name,node\na,west\n", tmp_path)
    secret = tmp_path / "secret.txt"
    secret.write_text("name,node\nx,west\n")
    (folder / "demands.csv").unlink()
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    assert {code for code, _ in findings(folder)} == {"outside-folder"}


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 60 + b"PAR1", b"\x93NUMPY", b"\x00" * 500])
def test_a_broken_parquet_file(tmp_path: Path, content: bytes) -> None:
    folder = folder_of(tmp_path, "parquet")
    for table in ("demands", "series", "nodes"):
        old = (folder / f"{table}.parquet").read_bytes()
        (folder / f"{table}.parquet").write_bytes(content)
        assert {code for code, _ in findings(folder)} == {"table-file"}, table
        (folder / f"{table}.parquet").write_bytes(old)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\xff\xfen\x00a\x00", "table-file"),
        (b"\xef\xbb\xbfname,node\na,west\n", "byte-order-mark"),
        (b"name,node\na,west,extra\n", "table-file"),
        (b"name,node\n\xff\xfe,west\n", "table-file"),
    ],
)
def test_a_broken_csv_file(tmp_path: Path, content: bytes, code: str) -> None:
    folder = demands_csv("", tmp_path)
    (folder / "demands.csv").write_bytes(content)
    assert code in {found for found, _ in findings(folder)}


def test_a_parquet_column_of_another_kind(tmp_path: Path) -> None:
    folder = demands_csv("", tmp_path)
    (folder / "demands.csv").unlink()
    table = pa.table({"name": ["a"], "node": [1.5], "amount.cpu": [True], "tags": [["x"]]})
    pq.write_table(table, folder / "demands.parquet")
    found = findings(folder)
    assert {("wrong-type", "demands.node"), ("wrong-type", "demands.tags")} <= found
    assert ("wrong-type", "demands[amount.cpu]") in found


def test_changes_of_one_document_do_not_reach_another() -> None:
    assert changed("demands.0.node", "x")["demands"][0]["node"] == "x"
    assert document()["demands"][0]["node"] == "west"


def test_columns_that_came_later_leave_the_fingerprints_of_before() -> None:
    """As they were with the first version of the format."""
    assert from_document(document()).fingerprint == "hubplan/1:d89713bdb0f3a8465ea23d513c4289f282b67484"
    assert load("east-west").fingerprint == "hubplan/1:2ae2ff38fd2fb9190f7646f2c0f2d21cd91fa0ed"
