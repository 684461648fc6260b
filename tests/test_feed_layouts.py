"""Feeds: the layouts that other systems write, and what is wrong with files."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instances import InvalidInstance
from instances.feeds import READERS, read_feed
from instances.feeds.cells import decimal_of, number
from instances.feeds.feed import Rows
from instances.feeds.units import WrongUnit, conversion, unit_of
from tests.feed_files import at, codes, feed_of, wide

NEW = '"MTU (UTC)","Area","Sequence","Day-ahead Price (EUR/MWh)","Intraday Period (UTC)","Intraday Price (EUR/MWh)"\n'
OLD = '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"\n'


def test_new_day_ahead_export() -> None:
    text = NEW + "".join(
        f'"01/07/2026 0{h}:{q:02}:00 - 01/07/2026 0{h + (q == 45)}:{(q + 15) % 60:02}:00","BZN|{a}","{s}","{v}","",""\n'
        for a, v in (("FR", "-4.5"), ("DE-LU", "n/e"))
        for s in ("Sequence Sequence 1", "Sequence Sequence 2")
        for h in range(2)
        for q in (0, 15, 30, 45)
    )
    feed = feed_of(text)
    assert (feed.layout, feed.unit, list(feed.zones)) == ("entsoe", "EUR/MWh", ["FR", "DE-LU"])
    track = feed.tracks[0]
    assert list(track.start) == [at(q / 4) for q in range(8)] and set(track.end - track.start) == {900}
    assert set(track.value) == {-4.5} and np.isnan(feed.tracks[1].value).all()
    assert list(track.line) == list(range(2, 10))


def test_old_day_ahead_export_with_both_clock_changes() -> None:
    spring = [
        "00:00 - 29.03.2026 01:00",
        "01:00 - 29.03.2026 02:00",
        "02:00 - 29.03.2026 03:00",
        "03:00 - 29.03.2026 04:00",
    ]
    rows = "".join(f'"29.03.2026 {t}","{v}","EUR",""\n' for t, v in zip(spring, ("1", "2", "", "3,5"), strict=True))
    track = feed_of(OLD + rows).tracks[0]  # the skipped hour stands there without a price
    first = datetime(2026, 3, 28, 23, tzinfo=UTC).timestamp()
    assert [(s - first) / 3600 for s in track.start] == [0, 1, 2] and set(track.end - track.start) == {3600}
    assert list(track.value) == [1, 2, 3.5]
    autumn = [
        "01:00 - 25.10.2026 02:00",
        "02:00 - 25.10.2026 03:00",
        "02:00 - 25.10.2026 03:00",
        "03:00 - 25.10.2026 04:00",
    ]
    rows = [f'"25.10.2026 {t}","{v}.0","EUR",""\n' for v, t in enumerate(autumn)]
    track = feed_of(OLD + "".join(rows)).tracks[0]
    first = datetime(2026, 10, 24, 23, tzinfo=UTC).timestamp()
    assert [(s - first) / 3600 for s in track.start] == [0, 1, 2, 3] and list(track.value) == [0, 1, 2, 3]
    assert codes(lambda: feed_of(OLD + rows[0] + rows[1] + rows[3])) == ["ambiguous-time"]
    assert codes(lambda: feed_of(OLD + "".join([*rows, rows[2]]))) == ["repeated-time"]
    assert codes(lambda: feed_of(OLD + spring_row("02:00 - 29.03.2026 03:00", "7"))) == ["skipped-hour"]


def spring_row(time: str, value: str) -> str:
    return f'"29.03.2026 {time}","{value}","EUR",""\n'


def test_marks_of_summer_and_winter_time() -> None:
    head = NEW.replace("UTC", "CET/CEST")
    times = ["02:45:00 (CEST) - 25/10/2026 02:00:00 (CET)", "02:00:00 (CET) - 25/10/2026 02:15:00 (CET)"]
    rows = "".join(f'"25/10/2026 {t}","BZN|FR","Without Sequence","{i}","",""\n' for i, t in enumerate(times))
    track = feed_of(head + rows).tracks[0]
    assert list(track.start) == [datetime(2026, 10, 25, 0, 45, tzinfo=UTC).timestamp() + 900 * i for i in range(2)]
    assert list(track.end - track.start) == [900, 900]


FACTOR = "Carbon {I}ntensity gCO\u2082eq/kWh"
MAPS = f"Datetime (UTC),Country,{{n}},{{i}},{FACTOR} (direct),{FACTOR} ({{l}}),"


@pytest.mark.parametrize(
    ("words", "life"), [(("Zone name", "Zone id", "i"), "Life cycle"), (("Zone Name", "Zone Id", "I"), "LCA")]
)
def test_electricity_maps(words: tuple[str, str, str], life: str) -> None:
    head = (
        MAPS.format(n=words[0], i=words[1], I=words[2], l=life) + "Data source,Data estimated,Data estimation method\n"
    )
    rows = "".join(f"2026-07-01 0{h}:00:00,France,France,FR,{20 + h},{40 + h},rte,{h == 1},\n" for h in range(3))
    feed = feed_of("\ufeff" + head + rows)
    assert (feed.layout, feed.unit, list(feed.zones)) == ("electricity-maps", "g/kWh", ["FR"])
    assert list(feed.tracks[0].value) == [20, 21, 22] and list(feed.tracks[0].end) == [at(h) for h in (1, 2, 3)]
    assert [f.code for f in feed.findings] == ["estimated-data"] and "1 of 3" in feed.findings[0].found
    assert list(feed_of(head + rows, "electricity-maps-life-cycle").tracks[0].value) == [40, 41, 42]


def test_watttime() -> None:
    data = [{"point_time": f"2026-07-01T00:{5 * i:02}:00+00:00", "value": 1000 + i} for i in range(3)]
    meta = {
        "region": "CAISO_NORTH",
        "signal_type": "co2_moer",
        "units": "lbs_co2_per_mwh",
        "data_point_period_seconds": 300,
    }
    feed = feed_of(json.dumps({"data": data, "meta": meta}))
    assert (feed.layout, feed.unit, list(feed.zones)) == ("watttime", "lb/MWh", ["CAISO_NORTH"])
    assert list(feed.tracks[0].end - feed.tracks[0].start) == [300] * 3
    assert [f.code for f in feed.findings] == ["marginal-factor"]
    assert conversion(feed.unit, "carbon", "EUR", {}).factor * 1000 == pytest.approx(0.45359237)
    older = [entry | {"frequency": 300, "ba": "CAISO_NORTH", "datatype": "MOER"} for entry in data]
    assert list(feed_of(json.dumps(older)).tracks[0].value) == [1000, 1001, 1002]
    for wrong in ({"units": "percentile"}, {"signal_type": "health_damage"}):
        assert codes(lambda wrong=wrong: feed_of(json.dumps({"data": data, "meta": meta | wrong})))
    past = {"data": [{"generated_at": "2026-07-01T00:00:00Z", "forecast": data}], "meta": meta}
    assert codes(lambda: feed_of(json.dumps(past), "watttime")) == ["layout"]


def test_carbon_aware_sdk() -> None:
    emissions = [
        {"location": "eastus", "time": f"2026-07-01T0{h}:00:00Z", "rating": 400 + h, "duration": "01:00:00"}
        for h in range(2)
    ]
    feed = feed_of(json.dumps(emissions))
    assert (feed.layout, feed.unit, list(feed.zones)) == ("carbon-aware", "g/kWh", ["eastus"])
    assert list(feed.tracks[0].start) == [at(0), at(1)] and list(feed.tracks[0].end) == [at(1), at(2)]
    capitals = {
        "Emissions": [{k.capitalize(): v for k, v in e.items()} | {"Rating": str(e["rating"])} for e in emissions]
    }
    assert list(feed_of(json.dumps(capitals)).tracks[0].value) == [400, 401]
    points = [
        {"location": "eastus", "timestamp": f"2026-07-01T00:{5 * i:02}:00Z", "duration": 5, "value": 4 + i}
        for i in range(3)
    ]
    forecast = feed_of(
        json.dumps([{"location": "eastus", "generatedAt": "2026-07-01T00:00:00Z", "forecastData": points}])
    )
    assert list(forecast.tracks[0].end - forecast.tracks[0].start) == [300] * 3
    assert codes(lambda: feed_of(json.dumps([{"location": "e", "time": "2026-07-01T00:00:00", "rating": 1}]))) == [
        "naive-time"
    ]
    broken = [{"location": "e", "time": "2026-07-01T00:00:00Z", "rating": True}, {"time": 5, "rating": 1}]
    assert codes(lambda: feed_of(json.dumps(broken))) == ["missing-field", "wrong-number"]


def test_wide_tables_of_several_styles() -> None:
    text = "time (CET/CEST);north [EUR/MWh];south [EUR/MWh]\n01.07.2026 02:00;1.234,5;-3\n01.07.2026 03:00;n/e;7,25\n"
    feed = feed_of(text)
    assert list(feed.zones) == ["north", "south"] and list(feed.tracks[0].start) == [at(0), at(1)]
    assert feed.tracks[0].value[0] == 1234.5 and math.isnan(feed.tracks[0].value[1])
    assert list(feed.tracks[1].value) == [-3, 7.25]
    stamped = feed_of("time\tz\n2026-07-01T00:00Z\t1\n2026-07-01T01:00Z\t2\n", unit="kW")
    assert stamped.unit == "kW" and list(stamped.tracks[0].value) == [1, 2]
    local = feed_of("time,z [kW]\n2026-07-01 02:00,1\n2026-07-01 03:00,2\n", timezone="Europe/Paris")
    assert list(local.tracks[0].start) == [at(0), at(1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time,z [kW]\n2026-07-01 02:00,1\n2026-07-01 03:00,2\n", ["naive-time"]),
        ("time,z\n2026-07-01T00:00Z,1\n2026-07-01T01:00Z,2\n", ["missing-unit"]),
        ("time,y [kW],z [MW]\n2026-07-01T00:00Z,1,1\n2026-07-01T01:00Z,2,1\n", ["mixed-units"]),
        ("time (UTC),z [kW]\n01/07/2026 00:00,1\n", ["ambiguous-date"]),
        ("time (UTC),z [kW]\n2026-07-01 00:00,1e999\n2026-07-01 01:00,abc\n", ["wrong-number"]),
        ('time (UTC),z [kW]\n2026-07-01 00:00,"1,234"\n2026-07-01 01:00,"2,345"\n', ["ambiguous-number"]),
        ("time (UTC),z [kW]\n2026-07-01 00:00,1\n2026-07-01 00:00,2\n2026-07-01 01:00,2\n", ["repeated-time"]),
        ("time (UTC),z [kW]\n2026-07-01 00:00,1,2\n", ["row-width"]),
        ("time (UTC),z [kW],z [kW]\n2026-07-01 00:00,1,2\n2026-07-01 01:00,1,2\n", ["duplicate-key"]),
        ("time (UTC),z [kW]\nyesterday,1\n2026-13-01 00:00,2\n", ["wrong-time"]),
        ("time (UTC)\n", ["no-column"]),
        ("", ["empty"]),
        ("time (UTC),z [kW]\n", ["empty"]),
        ("time (UTC),z [kW]\n2026-07-01 00:00,1\n", ["row-length"]),
        ('{"a": 1}', ["layout"]),
        ("[1, 2]", ["missing-field"]),
        (NEW + '"x","BZN|FR","","1","",""\n', ["wrong-time"]),
        (NEW + '"01/07/2026 00:00:00 - 01/07/2026 00:00:00","BZN|FR","","1","",""\n', ["row-length"]),
        (OLD + '"01.07.2026 00:00 - 01.07.2026 01:00","1","GBP",""\n', ["mixed-units"]),
        (NEW.replace("UTC", "CST"), ["header"]),
    ],
)  # fmt: skip
def test_wrong_files_are_refused(text: str, expected: list[str]) -> None:
    assert codes(lambda: feed_of(text)) == expected


def test_all_findings_come_at_once_with_their_lines() -> None:
    text = "time (UTC),y [EUR/MWh],z [EUR/MWh]\n2026-07-01 00:00,abc,1\nlater,2,x\n"
    with pytest.raises(InvalidInstance) as invalid:
        feed_of(text)
    assert [f.path for f in invalid.value.findings] == ["f line 2", "f line 3", "f line 3"]
    many = "time (UTC),z [kW]\n" + "2026-07-01 00:00,abc\n" * 1000
    with pytest.raises(InvalidInstance) as invalid:
        feed_of(many)
    assert len(invalid.value.findings) < 10 and sum(f.more + 1 for f in invalid.value.findings) == 1000


def test_numbers_of_cells() -> None:
    for text, mark, value in (
        ("1,234.5", ".", 1234.5), ("1 234,5", ",", 1234.5), ("1.234", ",", 1234.0), ("1.234", ".", 1.234),
        ("-.5", ".", -0.5), ("\u22123", ".", -3.0), ("1'000", ".", 1000.0), ("5", ",", 5.0), ("1e-3", ".", 0.001),
        ("12.5", ",", None), ("1_0", ".", None), ("inf", ".", None), ("1,23", ".", None), ("0x1", ".", None),
    ):  # fmt: skip
        assert number(text, mark) == value, text
    assert all(math.isnan(number(text, ".") or 0.0) for text in ("", "n/e", "-", "NA", "N/A", "nan", " null "))
    assert decimal_of(["1,5", "1.234"], ",") == "," and decimal_of(["1,234", "5.5"], ",") == "."
    assert decimal_of(["1,234"], ";") == "," and decimal_of(["1,234"], ",") is None and decimal_of(["7"], ",") == "."


def test_units() -> None:
    assert unit_of("gCO\u2082eq/kWh") == unit_of("g CO2e/kWh") == "g/kWh" and unit_of("\u20ac/MWh") == "EUR/MWh"
    assert (
        conversion("t/MWh", "carbon", "EUR", {}).factor == 1.0
        and conversion("kg/MWh", "carbon", "EUR", {}).factor == 1e-3
    )
    change = conversion("USD/MWh", "price", "CNY", {"USD": 7.0})
    assert change.factor == pytest.approx(0.007) and change.words == "USD/MWh x 0.001 x 7 CNY per USD = CNY/kWh"
    for unit, kind in (
        ("$/MWh", "price"),
        ("USD/MWh", "price"),
        ("g/kWh", "price"),
        ("EUR/MWh", "carbon"),
        ("kWh", "power"),
    ):
        with pytest.raises(WrongUnit):
            conversion(unit, kind, "CNY", {})


def test_a_missing_row_is_a_gap_and_a_new_step_is_none() -> None:
    rows = Rows("f")
    for minute in (0, 60, 120, 180, 300, 360, 375, 390, 405, 420):
        rows.add("z", at(minute / 60), None, 1.0, 1)
    track = rows.feed("wide", "kW").tracks[0]
    assert [round(s) for s in (track.end - track.start) / 60] == [60, 60, 60, 60, 60, 15, 15, 15, 15, 15]


def test_flat_lines_are_told() -> None:
    flat = wide([5.0] * 30 + [6.0, 7.0])
    assert [f.code for f in flat.findings] == ["flat-line"] and "lines 2 to 31" in flat.findings[0].path
    assert not wide([0.0] * 12 + [float(h) for h in range(12)]).findings


CELL = st.text(st.sampled_from(list('0123456789.,;-/ :TZ"ne\t\n()[]{}+\u00a0')), max_size=20)


@given(
    st.one_of(
        CELL, st.lists(st.lists(CELL, max_size=4), max_size=4).map(lambda rows: "\n".join(",".join(r) for r in rows))
    )
)
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_feed_or_findings(text: str) -> None:
    for layout in (None, *READERS):
        for head in ("", NEW, OLD, "time (UTC),z [kW]\n", '{"data": '):
            try:
                feed_of(head + text, layout)
            except InvalidInstance as invalid:
                assert invalid.findings and "\n" not in str(invalid.findings[0])


def test_files_in_other_encodings(tmp_path: Path) -> None:
    for data in ("time (UTC),z [kW]\n".encode("utf-16"), "time (UTC),M\u00fcnchen [kW]\n".encode("latin-1")):
        (tmp_path / "f.csv").write_bytes(data)
        assert codes(lambda: read_feed(tmp_path / "f.csv")) in (["encoding"], ["wrong-time"], ["empty"])
