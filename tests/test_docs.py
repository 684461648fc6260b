"""Every command and snippet in README and docs runs, or says beside its language why a test does not run it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from instances import from_document
from optimizer.command_line.main import main

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
SHOWN = ("", "text", "csv")  # output and usage lines
JUDGED = ("crontab", "ini", "yaml")  # for schedulers: `test_nightly_examples` judges them
LEFT_OUT = {  # page: languages of the blocks that are not run
    "README.md": ["sh", "sh"],
    "CONTRIBUTING.md": ["sh"],
    "nightly.md": ["sh"],
    "quick_start.md": ["sh"],
}


class Block(NamedTuple):
    language: str
    reason: str  # why it is not run
    text: str


def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```([^\n`]*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    made = []
    for info, text in found:
        language, _, rest = info.strip().partition(" ")
        made.append(Block(language, rest.removeprefix("no-run:").strip() if rest.startswith("no-run") else "", text))
        assert rest == "" or rest.startswith("no-run: "), f"{page.name}: {info}"
    return made


def test_every_block_is_of_a_known_kind_and_few_are_left_out() -> None:
    left_out: dict[str, list[str]] = {}
    for page in PAGES:
        for block in blocks(page):
            assert block.language in (*SHOWN, *JUDGED, "sh", "python", "json"), f"{page.name}: ```{block.language}"
            if block.reason:
                left_out.setdefault(page.name, []).append(block.language)
    assert left_out == LEFT_OUT


def test_usage_lines_are_only_usage() -> None:
    """A block without a language that starts with a command has placeholders: it cannot be run as it stands."""
    for page in PAGES:
        for block in blocks(page):
            if block.language == "" and block.text.startswith("hubplan "):
                assert re.search(r"\b[A-Z]{1,}\b", block.text), f"{page.name}: {block.text}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(not b.reason for b in blocks(page))], ids=lambda p: p.stem
)
def test_blocks_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder beside a copy of docs, one after the other, as a reader would."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("images"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks(page):
        if block.reason:
            continue
        if block.language == "sh":
            run_shell(block.text)
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block.text, page.name, "exec"), names)
        elif block.language == "json":
            document = json.loads(block.text)
            assert "format" not in document or from_document(document)


def run_shell(text: str) -> None:
    """Lines that call hubplan and nothing else in this process, which is quicker; the rest in a shell."""
    rest: list[str] = []
    for line in text.replace("\\\n", " ").splitlines(keepends=True):
        if line.startswith("hubplan ") and not rest and not set(line) & set("|&;<>$`"):
            with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
                code = main(shlex.split(line)[1:])
            assert code == 0, f"{line}\n{out.getvalue()[-2000:]}\n{err.getvalue()[-2000:]}"
        else:
            rest.append(line)
    if rest:
        in_shell("".join(rest))


def in_shell(text: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], env={**os.environ, "PATH": path}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [p.name for p in (ROOT / "docs").glob("*.md") if p.name != "README.md" and f"({p.name})" not in index] == []
