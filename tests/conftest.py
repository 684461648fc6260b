"""Settings and fixtures of all tests: the same cases in every run, and no verdict that depends on the clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import document
from commands import Answer
from hypothesis import settings

from optimizer.command_line.main import main

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture
def write_document(tmp_path: Path) -> Callable[..., str]:
    """Writes the tiny document with changes to a file; returns its path."""

    def write(**changes: Any) -> str:
        path = tmp_path / "tiny.json"
        path.write_text(json.dumps(document(**changes)), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def go(*argv: object) -> Answer:
        code = main([str(a) for a in argv])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Answer(code, out, err)

    return go


@pytest.fixture
def plan_file(run: Callable[..., Answer], tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    assert run("solve", "teaching-two-hubs", "-o", path).code == 0
    return path
