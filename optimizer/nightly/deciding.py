"""What a night comes to, before anything is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instances import Instance, InvalidInstance
from instances.library_index import place_of
from instances.reading import examine
from optimizer.checking import Report
from optimizer.nightly.judging import age_hours, drift, figures
from optimizer.nightly.outcomes import OUTCOMES
from optimizer.nightly.searching import INTERRUPTED, Found, accepted, broken, least_bad, search
from optimizer.nightly.settings import Clock, Settings
from optimizer.nightly.telling import Log
from optimizer.nightly.work import Task
from optimizer.plan import Plan
from optimizer.plan_rows import finite
from optimizer.store import Lease, Publication, Run, Store

LISTED = 100  # changes that are told of


@dataclass(frozen=True)
class Tonight:
    """A night that has begun: the job's lease is held, and `run` is its row. folder: for the night's files."""

    store: Store
    lease: Lease
    settings: Settings
    log: Log
    clock: Clock
    folder: Path
    run: Run
    published: Publication | None


@dataclass(frozen=True)
class Verdict:
    """outcome: its name; file: of the plan that is in force from now on, None: what was published stays; breaks: what
    is in force breaks on tonight's data, None where that is not known; instance: None where it could not be read."""

    outcome: str
    reasons: tuple[str, ...] = ()
    file: Path | None = None
    plan: Plan | None = None
    report: Report | None = None
    breaks: tuple[str, ...] | None = None
    instance: Instance | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def decide(tonight: Tonight) -> Verdict:
    """Reads and judges the data, then repairs and improves the plan in force, or falls back. Raises StoreFailed,
    OSError, KeyboardInterrupt."""
    given = tonight.settings
    try:
        instance, findings = examine(place_of(given.source), format=given.format, placement=given.placement)
        if instance is None or any(finding.severity == "error" for finding in findings):
            raise InvalidInstance(findings)
    except InvalidInstance as error:
        return Verdict("invalid-input", tuple(str(error).splitlines()))
    age = age_hours(instance, place_of(given.source))
    warnings = [*map(str, findings), *_drifted(tonight, instance)]
    facts: dict[str, Any] = {"age_h": age, "warnings": warnings}
    tonight.log("read", name=instance.name, fingerprint=instance.fingerprint, **facts)
    if given.max_age_h is not None and age > given.max_age_h:
        said = f"as_of {instance.as_of}" if instance.as_of else "the time of the file"
        text = f"the data are {age:.1f} h old ({said}), at most {given.max_age_h:g} h are allowed"
        return Verdict("stale-input", (text,), instance=instance, facts=facts)
    if given.strict and warnings:
        return Verdict("invalid-input", tuple(warnings), instance=instance, facts=facts)
    task = _task(tonight)
    if task.incumbent is not None and _holds(tonight, instance, Path(task.incumbent)):
        text = "the plan in force was made for the same data and question, within the gap, and is valid"
        return Verdict("nothing-to-do", (text,), instance=instance, facts=facts, breaks=())
    return _searched(tonight, instance, task, facts)


def _drifted(tonight: Tonight, instance: Instance) -> list[str]:
    """What changed since the data that the plan in force was made for."""
    if tonight.published is None:
        return []
    made_for = tonight.store.maker(tonight.published.plan).fingerprint
    before = tonight.store.instance(made_for) if made_for else None
    if before is None or before.fingerprint == instance.fingerprint:
        return []
    return list(drift(figures(instance), before.facts, tonight.settings.drift))


def _task(tonight: Tonight) -> Task:
    """What children are asked; the plan in force lies in a file for them."""
    given, incumbent = tonight.settings, None
    if tonight.published is not None:
        file = tonight.folder / "incumbent.json.gz"
        file.write_bytes(tonight.store.document(tonight.published.plan))
        incumbent = str(file)
    return Task(
        str(place_of(given.source)), given.format, given.placement, incumbent, given.renames, str(tonight.folder),
        given.options, given.churn, tonight.clock.at(1.0),
    )  # fmt: skip


def _holds(tonight: Tonight, instance: Instance, file: Path) -> bool:
    """Whether the plan in force is for the same data and question, within the gap, and valid."""
    assert tonight.published is not None
    maker = tonight.store.maker(tonight.published.plan)
    if maker.fingerprint != instance.fingerprint or maker.facts["question"] != tonight.settings.question:
        return False
    return maker.outcome == "done" and accepted(file, instance, tonight.settings.churn.max_moves)[0] is not None


def _searched(tonight: Tonight, instance: Instance, task: Task, facts: dict[str, Any]) -> Verdict:
    """The best valid plan; else, where the job allows it, the one that breaks least; else what is in force."""
    found = search(task, instance, tonight.clock, tonight.log)
    changes = found.answer.changes
    facts = facts | {
        "tried": list(found.tried), "freed": found.answer.freed, "best": finite(found.answer.best),
        "changes": list(changes.lines(LISTED)) if changes is not None and task.incumbent is not None else [],
    }  # fmt: skip
    if found.plan is not None:
        faults = tuple(row["fault"] for row in found.tried if row["fault"])
        outcome = _outcome(found, tonight.settings.options.gap)
        return Verdict(outcome, faults, found.file, found.plan, found.report, (), instance, facts)
    reasons = (*found.answer.reasons, *filter(None, (found.answer.message,)))
    if found.why != INTERRUPTED and tonight.settings.allow_degraded:
        bad = least_bad(task, instance, tonight.clock, tonight.log)
        if bad.report is not None:
            outcome = "fallback" if bad.report.ok else "degraded"
            reasons, named = (OUTCOMES[found.why].words, *reasons), tuple(map(str, bad.report.violations))
            return Verdict(outcome, reasons, bad.file, bad.plan, bad.report, named, instance, facts)
    worth = task.incumbent is not None and found.why != INTERRUPTED
    broken_now = broken(task, tonight.clock) if worth else None
    return Verdict(found.why, reasons, breaks=broken_now, instance=instance, facts=facts)


def _outcome(found: Found, gap: float) -> str:
    """Whether the search came as close as asked; what a least gain then gave away for fewer moves is no lack of it."""
    assert found.plan is not None
    if not found.improved:
        return "fallback"
    plan, best = found.plan, found.answer.best
    close = best is not None and not plan.stages and best - plan.bound <= gap * abs(best)
    return "done" if close or plan.within(gap) else "larger-gap"
