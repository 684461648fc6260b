"""Inputs that must be refused clearly: by a finding with a stable code and the place, never by a traceback."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import changed, document

from instances import Finding, InvalidInstance, bundled, check_input, files, from_document, load, open_instance, read


def refused(path: Path, **options: Any) -> list[Finding]:
    with pytest.raises(InvalidInstance) as caught:
        read(path, **options)
    assert check_input(path, **options) == caught.value.findings
    return [f for f in caught.value.findings if f.severity == "error"]


def codes_of(content: bytes, tmp_path: Path, name: str = "a.json") -> set[str]:
    (tmp_path / name).write_bytes(content)
    return {f.code for f in refused(tmp_path / name)}


def errors(made: Any) -> set[tuple[str, str]]:
    with pytest.raises(InvalidInstance) as caught:
        from_document(made)
    return {(f.code, f.path) for f in caught.value.findings if f.severity == "error"}


GOOD = json.dumps(document())

# --- container ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        (GOOD[:-40], "json"),
        (GOOD[:200], "json"),
        (GOOD + "]", "json"),
        (GOOD + GOOD, "json"),
        ("[]", "not-an-object"),
        ("5", "not-an-object"),
        ("null", "not-an-object"),
        ('"text"', "not-an-object"),
        ("\ufeff" + GOOD, "byte-order-mark"),
        ('{"format": "hubplan/1", "format": "hubplan/1"}', "duplicate-key"),
        (GOOD.replace('"amount": {', '"amount": {"cpu": 1, '), "duplicate-key"),
        ("[" * 100_000, "nesting"),
        ('{"a":' * 100_000, "nesting"),
        ('{"a":' * 200 + "1" + "}" * 200, "nesting"),
        ('{"a": ' + "9" * 5000 + "}", "number-range"),
        ("{'format': 'hubplan/1'}", "json"),
        ("%PDF-1.7", "json"),
    ],
)
def test_broken_json(tmp_path: Path, text: str, code: str) -> None:
    assert codes_of(text.encode(), tmp_path) == {code}


def test_the_place_of_a_repeated_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GOOD.replace('"amount": {', '"amount": {"cpu": 1, ', 1))
    assert [(f.path, f.found) for f in refused(tmp_path / "a.json")] == [("demands[0].amount", "'cpu'")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    assert codes_of(GOOD.encode(encoding), tmp_path) == {"encoding"}


def test_broken_utf8(tmp_path: Path) -> None:
    assert codes_of(
        GOOD.replace("tiny", "t\u00e9").encode("latin-1", "replace").replace(b"\\u00e9", b"\xe9"), tmp_path
    ) == {"encoding"}


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([{}], dtype=object))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [npz(), b"\x93NUMPY\x01\x00", b"PAR1xxxxPAR1", b"\x80\x04K\x01."])
def test_other_file_types_are_named_and_never_opened(tmp_path: Path, content: bytes) -> None:
    assert codes_of(content, tmp_path) == {"not-json"}
    assert codes_of(content, tmp_path, "a.npz") == {"not-json"}


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(gzip.compress(GOOD.encode()))
    assert read(tmp_path / "a.json").fingerprint == from_document(document()).fingerprint


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        gzip.compress(GOOD.encode(), mtime=0)[:-20],
        gzip.compress(GOOD.encode(), mtime=0)[:5],
        gzip.compress(GOOD.encode(), mtime=0) + b"more",
        b"\x1f\x8b" + b"\x00" * 50,
        gzip.compress(GOOD.encode(), mtime=0)[:40] + b"\xff" * 10 + gzip.compress(GOOD.encode(), mtime=0)[50:],
    ],
)
def test_broken_gzip(tmp_path: Path, content: bytes) -> None:
    assert codes_of(content, tmp_path, "a.json.gz") == {"gzip"}


def test_a_gzip_bomb_stops_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SIZE_LIMIT", 3_000_000)
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 3_000_000
    assert codes_of(bomb, tmp_path, "a.json.gz") == {"file-size"}


def test_a_file_over_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SIZE_LIMIT", 100)
    assert codes_of(GOOD.encode(), tmp_path) == {"file-size"}


def test_things_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, code in (
        ("pipe", "not-a-file"),
        ("dangling", "no-such-file"),
        ("loop", "unreadable"),
        ("none.json", "no-such-file"),
    ):
        assert {f.code for f in refused(tmp_path / name)} == {code}, name
    assert {f.code for f in refused(Path("/dev/zero"))} == {"not-a-file"}
    assert {f.code for f in refused(tmp_path / ("x" * 5000))} == {"unreadable"}
    assert {f.code for f in refused(tmp_path / "nul\0name")} == {"unreadable"}


def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert {f.code for f in refused(tmp_path / "s")} == {"not-a-file"}


def test_a_folder_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "instance.json").mkdir()
    assert {f.code for f in refused(tmp_path)} == {"not-a-file"}


def test_an_unknown_name_offers_a_similar_one() -> None:
    name = bundled()[0]
    assert open_instance(name).fingerprint == load(name).fingerprint
    for attempt in (load, open_instance):
        with pytest.raises(InvalidInstance, match=f"did you mean `{name}`"):
            attempt(name[:-1])


def test_an_unknown_public_format(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GOOD)
    assert {f.code for f in refused(tmp_path / "a.json", format="mps")} == {"unknown-format"}
    assert {f.code for f in refused(tmp_path / "a.json", placement="both")} == {"wrong-value"}


# --- shape --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "finding"),
    [
        ("format", "hubplan/2", ("format-version", "format")),
        ("format", 1, ("format-version", "format")),
        ("format", "hubplan-plan/1", ("format-version", "format")),
        ("demand", [], ("unknown-field", "demand")),
        ("demands.0.max_latency", 5, ("unknown-field", "demands[0].max_latency")),
        ("demands.0.deferral", {"window": 5}, ("unknown-field", "demands[0].deferral.window")),
        ("demands.0.deferral", {}, ("missing-field", "demands[0].deferral.window_h")),
        ("demands.0", {"name": "d"}, ("missing-field", "demands[0].node")),
        ("demands.0.max_latency_ms", "5", ("wrong-type", "demands[0].max_latency_ms")),
        ("demands.0.max_latency_ms", True, ("wrong-type", "demands[0].max_latency_ms")),
        ("demands.0.max_latency_ms", [5], ("wrong-type", "demands[0].max_latency_ms")),
        ("demands.0.node", None, ("wrong-type", "demands[0].node")),
        ("demands.0.amount", {"cpu": None}, ("wrong-type", "demands[0].amount.cpu")),
        ("demands.0.amount", {"cpu": [1, None]}, ("wrong-type", "demands[0].amount.cpu[1]")),
        ("demands.0.amount", {"cpu": {"scale": 1}}, ("missing-field", "demands[0].amount.cpu.profile")),
        ("demands.0.amount", 5, ("wrong-type", "demands[0].amount")),
        ("demands.0", "d", ("wrong-type", "demands[0]")),
        ("demands", {}, ("wrong-type", "demands")),
        ("demands", None, ("wrong-type", "demands")),
        ("blocks.0.periods", 2.0, ("wrong-type", "blocks[0].periods")),
        ("blocks.0.periods", 2.5, ("wrong-type", "blocks[0].periods")),
        ("blocks.0.periods", True, ("wrong-type", "blocks[0].periods")),
        ("blocks.0.periods", 0, ("number-range", "blocks[0].periods")),
        ("blocks.0.periods", 10**30, ("number-range", "blocks")),
        ("blocks", [], ("empty-list", "blocks")),
        ("hubs", [], ("empty-list", "hubs")),
        ("hubs.0.status", "closing", ("wrong-value", "hubs[0].status")),
        ("hubs.0.tags", "west", ("wrong-type", "hubs[0].tags")),
        ("policy", {"open_hubs": {"exact": 1.0}}, ("wrong-type", "policy.open_hubs.exact")),
        ("routes", {"candidates": 51}, ("number-range", "routes.candidates")),
        ("defaults", {"demands": {"name": "d"}}, ("unknown-field", "defaults.demands.name")),
        ("defaults", {"demands": {"max_latency": 5}}, ("unknown-field", "defaults.demands.max_latency")),
        ("defaults", {"demands": {"max_latency_ms": "5"}}, ("wrong-type", "defaults.demands.max_latency_ms")),
        ("defaults", {"hub": {}}, ("unknown-field", "defaults.hub")),
        ("defaults", {"hubs": {"existing": 1}}, ("wrong-type", "defaults.hubs.existing")),
    ],
)
def test_wrong_shapes(path: str, value: Any, finding: tuple[str, str]) -> None:
    assert finding in errors(changed(path, value))


def test_a_missing_version() -> None:
    made = document()
    del made["format"]
    assert errors(made) == {("format-version", "format")}


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_a_document_that_is_no_object(value: Any) -> None:
    assert errors(value) == {("not-an-object", "")}


def test_hints() -> None:
    for path, value, hint in (
        ("demands.0.max_latency", 5, "did you mean `max_latency_ms`?"),
        ("demands.0.node", "wset", "did you mean `west`?"),
        ("demands.0.max_latency_ms", "5", "without quotes"),
        ("format", "hubplan/2", "newer version"),
        ("hubs.0.pue", 135, "write 1.35"),
        ("nodes.0.latitude", 113.0, "swapped"),
    ):
        with pytest.raises(InvalidInstance, match=hint.replace("?", r"\?")):
            from_document(changed(path, value))


def test_all_findings_come_together() -> None:
    made = changed("demands.0.max_latency", 5)
    made["hubs"][0]["pue"] = "1.2"
    made["nodes"] = [{"label": "x"}]
    assert len(errors(made)) == 3
    made = changed("demands.0.node", "wset")
    made["hubs"][0]["pue"] = 0.5
    made["blocks"][0]["start"] = "2026-07-01T00:00"
    made["hubs"][1]["name"] = "h1"
    assert len(errors(made)) == 4


def test_long_lists_of_findings_are_counted() -> None:
    rows = [{"name": f"d{i}", "node": "west", "amount": {"cpu": 1}, "unknown": 1} for i in range(500)]
    with pytest.raises(InvalidInstance) as caught:
        from_document(document(demands=rows))
    lines = str(caught.value).splitlines()
    assert len(lines) <= 101
    assert all("\n" not in str(f) for f in caught.value.findings)


# --- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "1e13", "1e-10", "-1e-10"]
)
@pytest.mark.parametrize(
    "place", ["demands.0.max_latency_ms", "demands.0.traffic_gbps", "hubs.1.energy_price_per_kwh", "profiles.evening"]
)
def test_numbers_out_of_range(tmp_path: Path, number: str, place: str) -> None:
    text = json.dumps(changed(place, [0.5, "@"] if place == "profiles.evening" else "@")).replace('"@"', number)
    (tmp_path / "a.json").write_text(text)
    found = refused(tmp_path / "a.json")
    assert {f.code for f in found} <= {"number-range", "negative"}
    where = (
        "demands[1].amount.cpu" if place == "profiles.evening" else place.replace(".0.", "[0].").replace(".1.", "[1].")
    )
    assert any(f.path in (where, "profiles.evening[1]") for f in found)


def test_numbers_in_a_default(tmp_path: Path) -> None:
    made = document(defaults={"demands": {"unserved_penalty_per_unit_h": "@"}})
    (tmp_path / "a.json").write_text(json.dumps(made).replace('"@"', "1e999"))
    assert [f.code for f in refused(tmp_path / "a.json")] == ["number-range"]


def test_minus_zero_is_zero() -> None:
    made = changed("demands.0.amount", {"cpu": [-0.0, 1.0]})
    values = from_document(made).demands.amount.dense((0, 0))
    assert not np.signbit(values).any()


# --- hostile text -------------------------------------------------------------------------------------------


HOSTILE = ["<script>alert(1)</script>", "=cmd|'/c calc'!A1", "'; drop table demands; --", "a" * 200, "ключ", "%s{0}\\"]


@pytest.mark.parametrize("name", HOSTILE)
def test_odd_names_are_kept(name: str) -> None:
    assert from_document(changed("demands.0.name", name)).demands.names[0] == name


@pytest.mark.parametrize(
    "name", ["", "a" * 201, "a\0b", "a\nb", "a\x1b[31mb", "a\u202eb", "a\u2066b", "a\u200bb", "a\x85b", "\ud800"]
)
@pytest.mark.parametrize("table", ["demands", "hubs", "nodes", "links", "resources", "blocks"])
def test_harmful_names_are_refused(name: str, table: str) -> None:
    with pytest.raises(InvalidInstance) as caught:
        from_document(changed(f"{table}.0.name", name))
    first = [f for f in caught.value.findings if f.path == f"{table}[0].name"]
    assert first
    assert first[0].code in ("text-length", "name-characters", "wrong-type")
    str(caught.value).encode()


def test_free_text_is_kept_as_given() -> None:
    text = "\x1b[31m\u202e<img onerror=x>\n" + "x" * 9000
    assert from_document(document(description=text)).description == text
    assert errors(document(description="x" * 10_001)) == {("text-length", "description")}


def test_findings_are_harmless_to_print() -> None:
    made = changed("demands.0.x\n\x1b[31m\u202e", 5)
    made["hubs"][0]["status"] = "\x1b[31m\n" * 50
    with pytest.raises(InvalidInstance) as caught:
        from_document(made)
    for finding in caught.value.findings:
        assert str(finding).isprintable()
        assert len(str(finding)) < 500
