"""Feeds: what becomes of them on the periods of an instance."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instances import Instance, InvalidInstance, from_document, generate, read, write
from instances.feeds import READERS, Fill, apply_feeds
from instances.feeds.feed import Rows
from instances.feeds.resampling import means
from tests.commands import Run
from tests.feed_files import codes, feed_of, wide


def instance(
    currency: str = "EUR", start: str = "2026-07-01T00:00+00:00", hours: Any = 1.0, periods: int = 4
) -> Instance:
    return from_document(
        {
            "format": "hubplan/1", "name": "x", "currency": currency, "timezone": "UTC",
            "blocks": [{"name": "day", "start": start, "periods": periods, "period_hours": hours}],
            "resources": [{"name": "cpu"}], "nodes": [{"name": "n"}], "profiles": {"work": [1.0] * periods},
            "hubs": [{"name": h, "node": "n", "capacity": {"cpu": 9}, "energy_price_per_kwh": 0.1} for h in ("a", "b")],
            "demands": [{"name": "d", "node": "n", "amount": {"cpu": {"scale": 2, "profile": "work"}}}],
        }
    )  # fmt: skip


def price(made: Instance, hub: str = "a") -> list[float]:
    return list(made.hubs.energy_price_per_kwh.dense(made.hubs.names.index(hub)))


def test_a_feed_on_periods() -> None:
    made = apply_feeds(instance(hours=[1, 2, 0.5, 0.5]), [("price", wide([10, 20, -40, 8], name="a"))]).instance
    assert price(made) == [0.01, -0.01, 0.008, 0.008] and price(made, "b") == [0.1] * 4
    assert made.provenance[0].path == "hubs[a].energy_price_per_kwh" and "EUR/MWh x 0.001" in made.provenance[0].note


def test_the_new_instance_round_trips(tmp_path: Path) -> None:
    feeds = [("price", wide([1, 2, 3, 4], name="a")), ("profile", wide([50, 0, 100, 200], "%", name="work"))]
    fed = apply_feeds(instance(), feeds)
    write(fed.instance, tmp_path / "x.json")
    assert read(tmp_path / "x.json").fingerprint == fed.instance.fingerprint != instance().fingerprint
    assert list(fed.instance.demands.amount.dense(0)[0]) == [1, 0, 2, 4]
    assert {w.field for w in fed.written} == {"energy_price_per_kwh", "profiles"}
    assert "kept" in {f.code for f in fed.findings}  # hub b has no zone


def test_profiles_change_in_every_table_that_has_them() -> None:
    before = generate("metro", demands=20, hubs=3, periods=4, seed=1)
    hubs = wide([1, 2, 3, 4] * 3, "g/kWh", step=6.0, name="h1")
    fed = apply_feeds(before, [("carbon", hubs)], [("*", "h1")], starts={"year": "2026-07-01T02:00+02:00"}, fill=None)
    assert (fed.instance.hubs.carbon_kg_per_kwh.dense() != before.hubs.carbon_kg_per_kwh.dense()).any()
    assert fed.instance.time.block_start == ("2026-07-01T02:00+02:00",)


def test_gaps_are_errors_unless_they_are_filled() -> None:
    values = [10, "n/e", "n/e", 40, 50, 60]
    feed = wide(values, name="a")
    with pytest.raises(InvalidInstance) as invalid:
        apply_feeds(instance(), [("price", feed)])
    (finding,) = (f for f in invalid.value.findings if f.severity == "error")
    assert (
        finding.code == "missing-data" and finding.path == "f line 3" and "01:00Z to 2026-07-01T03:00Z" in finding.found
    )
    for rule, expected in (("hold", [10, 10, 10, 40]), ("linear", [10, 20, 30, 40])):
        fed = apply_feeds(instance(), [("price", feed)], fill=Fill(rule))  # type: ignore[arg-type]
        assert price(fed.instance) == pytest.approx([v / 1000 for v in expected])
        assert "filled-gap" in {f.code for f in fed.findings} and "2 h filled" in fed.written[0].note
    assert codes(lambda: apply_feeds(instance(), [("price", feed)], fill=Fill("hold", 1.0))) == ["missing-data"]
    days = wide([1.0 + h % 24 for h in range(24)] + [7.0, "", "", 9.0, 3], name="a")
    tomorrow = instance(start="2026-07-02T00:00+00:00")
    assert price(apply_feeds(tomorrow, [("price", days)], fill=Fill("day")).instance) == [0.007, 0.002, 0.003, 0.009]


def test_stale_and_late_data() -> None:
    assert codes(lambda: apply_feeds(instance(), [("price", wide([1, 2, 3], name="a"))])) == ["stale-data"]
    with pytest.raises(InvalidInstance, match="end at 2026-07-01T04:00Z"):
        apply_feeds(instance(start="2026-07-03T00:00+00:00"), [("price", wide([1, 2, 3, 4], name="a"))])
    assert codes(
        lambda: apply_feeds(instance(start="2026-06-30T23:00+00:00"), [("price", wide([1, 2, 3, 4], name="a"))])
    ) == ["missing-data"]
    assert codes(lambda: apply_feeds(instance(), [("price", wide(["-"] * 4, name="a"))])) == ["stale-data"]


def test_negative_carbon_must_be_meant() -> None:
    feed = wide([100, -5, 100, 100], "g/kWh", name="a")
    with pytest.raises(InvalidInstance) as invalid:
        apply_feeds(instance(), [("carbon", feed)])
    assert "f line 3" in [f.path for f in invalid.value.findings if f.code == "negative"]
    before = instance()
    meant = replace(before, hubs=replace(before.hubs, carbon_may_be_negative=np.array([True, False])))
    assert min(apply_feeds(meant, [("carbon", feed)]).instance.hubs.carbon_kg_per_kwh.dense(0)) == -0.005
    assert codes(lambda: apply_feeds(instance(), [("onsite", wide([1, -1, 1, 1], "kW", name="a"))])) == ["negative"]


def test_maps_of_zones() -> None:
    feed = wide([1, 2, 3, 4])
    assert price(apply_feeds(instance(), [("price", feed)], [("*", "z")]).instance, "b") == [0.001, 0.002, 0.003, 0.004]
    for pairs in ([], [("a", "y")], [("c", "z")]):
        assert codes(lambda pairs=pairs: apply_feeds(instance(), [("price", feed)], pairs))
    two = feed_of("time (UTC),y [EUR/MWh],z [EUR/MWh]\n" + "".join(f"2026-07-01 0{h}:00,1,2\n" for h in range(4)))
    assert codes(lambda: apply_feeds(instance(), [("price", two)], [("a", "y"), ("a", "z")])) == [
        "contradiction",
        "no-zone",
    ]
    assert codes(lambda: apply_feeds(instance(), [("price", feed), ("price", feed)], [("a", "z")])) == ["contradiction"]
    assert codes(lambda: apply_feeds(instance("CNY"), [("price", feed)], [("a", "z")])) == ["unit"]
    assert codes(lambda: apply_feeds(instance(), [("carbon", feed)], [("a", "z")])) == ["unit"]
    rated = apply_feeds(instance("CNY"), [("price", feed)], [("a", "z")], rates={"EUR": 8.0})
    assert price(rated.instance) == [0.008, 0.016, 0.024, 0.032]


@given(
    steps=st.lists(st.sampled_from([5, 15, 30, 60]), min_size=1, max_size=40),
    values=st.lists(st.floats(-500, 500), min_size=40, max_size=40),
    periods=st.lists(st.sampled_from([0.25, 0.5, 1.0, 1.5]), min_size=1, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_means_keep_the_energy(steps: list[int], values: list[float], periods: list[float]) -> None:
    """Mean x length of all periods is the integral of the feed over them, minute by minute, whatever the steps."""
    minutes = [v for step, v in zip(steps, values, strict=False) for _ in range(step)]
    rows, time = Rows("f"), 0
    for i, step in enumerate(steps):
        rows.add("z", 60.0 * time, 60.0 * (time + step), values[i], i)
        time += step
    edges = 60.0 * np.concatenate([[0], np.cumsum(60 * np.array(periods))])
    found = means(rows.feed("wide", "kW").tracks[0], edges)
    for value, start, end in zip(found.value, edges[:-1] / 60, edges[1:] / 60, strict=True):
        if end > len(minutes):
            assert math.isnan(value)
        else:
            assert value == pytest.approx(np.mean(minutes[round(start) : round(end)]), abs=1e-9)
    assert bool(found.gaps) == (edges[-1] > 60 * len(minutes))


def test_the_command(tmp_path: Path, run: Run) -> None:
    write(instance("CNY"), tmp_path / "in.json")
    (tmp_path / "p.csv").write_text("time (UTC),z\n" + "".join(f"2026-07-01 0{h}:00,{h}\n" for h in range(4)))
    (tmp_path / "map.csv").write_text("name,zone\na,z\nb,z\n")
    asked = [
        "feed",
        str(tmp_path / "in.json"),
        "--price",
        f"{tmp_path / 'p.csv'}:wide:EUR/MWh",
        "-o",
        str(tmp_path / "out.json"),
    ]
    answer = run(*asked, "--map", str(tmp_path / "map.csv"), "--rate", "eur=8", "--json")
    assert answer.code == 0, answer.err
    assert [s["name"] for s in answer.json["series"]] == ["a", "b"] and answer.json["series"][0]["most"] == 0.024
    assert price(read(tmp_path / "out.json"), "b") == [0, 0.008, 0.016, 0.024]
    (tmp_path / "out.json").unlink()
    refused = run(*asked, "--map", "a=q")
    assert refused.code == 2 and not (tmp_path / "out.json").exists()
    assert "unknown-zone" in refused.err and "--rate EUR=" in refused.err and "Traceback" not in refused.err
    assert run(*asked, "--map", str(tmp_path / "p.csv")).code == 2 and run(*asked, "--rate", "EUR").code == 2
    assert run("feed", str(tmp_path / "in.json"), "-o", str(tmp_path / "out.json")).code == 2
    missing = run(
        "feed", str(tmp_path / "in.json"), "--carbon", str(tmp_path / "none.csv"), "-o", str(tmp_path / "out.json")
    )
    assert missing.code == 2 and "no-such-file" in missing.err


def test_the_examples_of_the_page_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parent.parent
    page = (root / "docs" / "feeds.md").read_text(encoding="utf-8")
    monkeypatch.chdir(root)
    shell, code = (re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("sh", "python"))
    assert shell is not None and code is not None
    arguments = shlex.split(shell[1].replace("\\\n", " ").replace("tonight.json", str(tmp_path / "tonight.json")))[1:]
    answer = run(*arguments)
    assert answer.code == 0, answer.err
    told = [line.split() for line in answer.out.splitlines() if line.strip()]
    shown = re.search(r"```\n( field.*?)```", page, re.DOTALL)
    assert shown is not None
    assert not [line for line in shown[1].splitlines() if line.split() not in told]
    exec(compile(code[1], "feeds.md", "exec"), {})
    assert set(READERS) == set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))
