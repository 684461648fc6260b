"""docs/nightly.md: its table of exit codes is the code's, and its examples are what their readers take."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from optimizer.command_line.main import parser
from optimizer.nightly.outcomes import OUTCOMES

PAGE = (Path(__file__).parents[1] / "docs" / "nightly.md").read_text(encoding="utf-8")
THEN = {"rest": 0, "look": 0, "retry": 75, "page": 70}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}[^\n]*\n(.*?)```", PAGE, re.DOTALL)


def arguments(command: str) -> list[str]:
    """The words after `hubplan`, which the command line has to understand."""
    words = shlex.split(command)
    assert Path(words[0]).name == "hubplan"
    found = parser().parse_args(words[1:])
    assert (found.command, found.job) == ("nightly", "east")
    return words


def codes(then: str) -> set[int]:
    return {outcome.code for outcome in OUTCOMES.values() if outcome.then == then}


def test_the_table_of_exit_codes() -> None:
    rows = [f"| {o.code} | `{name}` | {o.level} | {o.then} | {o.words} |" for name, o in OUTCOMES.items()]
    assert "\n".join(sorted(rows, key=lambda row: int(row.split("|")[1]))) in PAGE
    assert len({outcome.code for outcome in OUTCOMES.values()}) == len(OUTCOMES)
    assert not {6, 7} & {outcome.code for outcome in OUTCOMES.values()}  # of check --prove and batch


@pytest.mark.parametrize("code", [*(outcome.code for outcome in OUTCOMES.values()), 137])
def test_the_shell_contract(code: int, tmp_path: Path) -> None:
    (script,) = blocks("sh")
    (tmp_path / "hubplan").write_text(f"#!/bin/sh\nexit {code}\n")
    (tmp_path / "hubplan").chmod(0o755)
    done = subprocess.run(["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True)
    then = next((outcome.then for outcome in OUTCOMES.values() if outcome.code == code), "retry")  # 137: killed
    assert done.returncode == THEN[then] and bool(done.stderr) == (then == "look")


def test_the_crontab_line() -> None:
    (line,) = blocks("crontab")
    *when, command = line.strip().split(" ", 5)
    minute, hour, *rest = when
    assert 0 <= int(minute) < 60 and 0 <= int(hour) < 24 and rest == ["*", "*", "*"]
    assert "%" not in command and "\n" not in line.strip()
    arguments(command)


def test_the_systemd_units(tmp_path: Path) -> None:
    units = dict(zip(("hubplan-east.service", "hubplan-east.timer"), blocks("ini"), strict=True))
    read = {}
    for name, text in units.items():
        read[name] = configparser.ConfigParser(interpolation=None, strict=True)
        read[name].optionxform = str  # type: ignore[assignment, method-assign]
        read[name].read_string(text)
    service = read["hubplan-east.service"]["Service"]
    words = arguments(service["ExecStart"])
    assert {int(code) for code in service["SuccessExitStatus"].split()} == (codes("look") | codes("rest")) - {0}
    assert {int(code) for code in service["RestartPreventExitStatus"].split()} == codes("page")
    assert read["hubplan-east.timer"]["Timer"]["OnCalendar"]
    if shutil.which("systemd-analyze") is None:
        return
    for name, text in units.items():  # it wants a program that is there
        (tmp_path / name).write_text(text.replace(words[0], "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / name) for name in units)], capture_output=True, text=True
    )
    ours = [line for line in done.stderr.splitlines() if "hubplan-east" in line]
    assert not ours, ours


def test_the_kubernetes_job() -> None:
    (text,) = blocks("yaml")
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob") and job["metadata"]["name"]
    spec = job["spec"]
    assert len(spec["schedule"].split()) == 5 and spec["concurrencyPolicy"] == "Forbid"
    inner = spec["jobTemplate"]["spec"]
    pod = inner["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # what a failure policy needs
    (container,) = pod["containers"]
    (rule,) = inner["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob" and rule["onExitCodes"]["containerName"] == container["name"]
    assert set(rule["onExitCodes"]["values"]) == codes("page")
    command, _, last = container["args"][0].splitlines()
    budget = float(arguments(command)[arguments(command).index("--budget") + 1])
    assert budget < inner["activeDeadlineSeconds"] < 4 * 3600
    assert re.search(r"case \$code in 8 \| 9 \| 12\) exit 0", last)
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    assert container["image"] and container["env"][0]["valueFrom"]["secretKeyRef"]["name"]
