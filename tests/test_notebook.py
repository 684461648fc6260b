"""What a notebook shows of an instance and a plan, and their tables."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from builders import document
from pages import Parsed
from town import TOWN, paper_plan

from instances import from_document, generate, load
from instances.tables import tables as instance_tables
from optimizer import Plan
from optimizer.tables import tables

HARM = "<img src=x onerror=alert(1)>\u202e"


def test_an_instance_shows_itself() -> None:
    given = document()
    given["title"] = HARM
    instance = from_document(given)
    html = instance._repr_html_()
    page = Parsed(html)
    assert "<img" not in html and "\u202e" not in html and "<img src=x" in page.text
    assert len(page.of("circle")) == 2 + 2 and "nodes, links 2, 1" in page.text
    assert instance.fingerprint in page.text


def test_an_instance_without_coordinates_has_no_picture() -> None:
    page = Parsed(from_document(TOWN)._repr_html_())
    assert not page.of("svg") and "demands 5" in page.text


def test_a_plan_shows_itself() -> None:
    town = from_document(TOWN)
    plan = dataclasses.replace(paper_plan(town), solver=HARM)
    html = plan._repr_html_()
    page = Parsed(html)
    assert "<img" not in html and "cost 130.47" in page.text and "claimed by paper" in page.text
    assert len(page.of("rect")) == 8 and page.of("rect")[0]["width"] == "270.0"


def test_no_plan_shows_why() -> None:
    plan = Plan("x", "f", "INFEASIBLE", "none", math.inf, -math.inf, "", None, reasons=("nothing fits",))
    text = Parsed(plan._repr_html_()).text
    assert "INFEASIBLE" in text and "nothing fits" in text and "cost" not in text


def test_tables_of_an_instance() -> None:
    given = document()
    frames = instance_tables(from_document(given)).to_pandas()
    assert set(frames) == {"demands", "hubs", "nodes", "links", "hub_hours"}
    demands = frames["demands"].set_index("demand")
    assert demands.loc["d2", "amount.cpu"] == 6.0 and demands.loc["d2", "peak.cpu"] == 8.0  # 8 x (0.5, 1.0)
    assert demands.loc["d1", "max_latency_ms"] == 3.0 and math.isinf(demands.loc["d2", "max_latency_ms"])
    assert frames["hubs"].set_index("hub").loc["H2", "energy_price_per_kwh"] == 0.125
    hours = frames["hub_hours"]
    assert hours[(hours.hub == "H2") & (hours.period == 1)].energy_price_per_kwh.item() == 0.15
    assert frames["links"].a.tolist() == ["west"] and frames["nodes"].latitude.tolist() == [50.0, 51.0]


def test_tables_agree_with_the_series_written_out() -> None:
    instance = generate("metro", demands=200, hubs=5, periods=6, seed=2)
    found = instance_tables(instance)["demands"]
    dense = instance.demands.amount.dense()[:, 0]
    weight = instance.time.weighted_hours / instance.time.weighted_hours.sum()
    name = instance.resources.names[0]
    np.testing.assert_allclose(found[f"amount.{name}"], dense @ weight)
    np.testing.assert_allclose(found[f"peak.{name}"], dense.max(axis=1))


def test_every_bundled_instance_shows_itself() -> None:
    for name in ("teaching-edge", "shift-beijing-inner-mongolia"):
        Parsed(load(name)._repr_html_())


def test_tables_of_a_plan_still_come_as_data_frames() -> None:
    town = from_document(TOWN)
    frames = tables(town, paper_plan(town)).to_pandas()
    assert frames["assignments"].share.sum() == 4.75 and frames["terms"].cost.sum() == np.float64(130.47)
