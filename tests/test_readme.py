"""What the README says can be done."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}(?: no-run[^\n]*)?\n(.*?)```", README, re.DOTALL)


def test_library_use_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "OPTIMAL" in printed
    assert "is served at" in printed


def test_the_two_commands_are_one_line_each_and_the_command_line_knows_them() -> None:
    first, second = (block.strip() for block in blocks("sh"))
    assert "\n" not in first and "\n" not in second
    assert second.endswith("-m pytest -n 2")
    from optimizer.command_line.main import parser

    hubplan = first.split("&&")[-1]
    arguments = parser().parse_args(shlex.split(hubplan)[1:])
    assert (arguments.command, arguments.instance) == ("solve", "east-west")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {f"/{arguments.output}", f"/{arguments.report}"} <= set(ignored)


def test_links_lead_somewhere() -> None:
    missing = [
        f"{page.name}: {target}"
        for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not missing


def test_every_package_is_installed_with_its_data() -> None:
    """Packages are found by their __init__.py; data files by the patterns in pyproject.toml."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data = project["tool"]["setuptools"]["package-data"]
    covered = {path for package in data for pattern in data[package] for path in (ROOT / package).glob(pattern)}
    for package in ("instances", "optimizer", "solvers"):
        for path in (ROOT / package).rglob("*"):
            if "__pycache__" in path.parts or path.is_dir():
                continue
            if path.suffix == ".py":
                assert (path.parent / "__init__.py").exists(), f"{path.parent} is not a package"
            else:
                assert path in covered, f"{path} would not be installed"
