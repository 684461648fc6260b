"""Feeds that the tests of feeds are made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from instances import InvalidInstance
from instances.feeds import READERS, Feed, layout_of

START = datetime(2026, 7, 1, tzinfo=UTC)


def at(hour: float) -> float:
    return (START + timedelta(hours=hour)).timestamp()


def feed_of(text: str, layout: str | None = None, **asked: Any) -> Feed:
    return READERS[layout or layout_of(text)](text, "f", **asked)


def codes(call: Any) -> list[str]:
    with pytest.raises(InvalidInstance) as invalid:
        call()
    return sorted({f.code for f in invalid.value.findings if f.severity == "error"})


def wide(values: Sequence[Any], unit: str = "EUR/MWh", step: float = 1.0, name: str = "z") -> Feed:
    rows = "".join(f"{START + timedelta(hours=step * i)},{v}\n" for i, v in enumerate(values))
    return feed_of(f"time,{name} [{unit}]\n{rows}")
