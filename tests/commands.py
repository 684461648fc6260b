"""What running a command in process gives, and the names of its fixtures' types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import optimizer.solving
from optimizer.plan import Plan

Write = Callable[..., str]


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
        return answer


Run = Callable[..., Answer]


def unsolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Plan:
        pytest.fail("solved before the arguments were judged")

    monkeypatch.setattr(optimizer.solving, "solve", never)
