"""What a night came to is stored, published and written to the file, in this order and all of it or nothing."""

from __future__ import annotations

import gzip
import json
import os
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from instances import Instance
from instances.durable import staged_file
from instances.findings import escaped
from optimizer.nightly.deciding import Tonight, Verdict
from optimizer.nightly.judging import figures
from optimizer.nightly.outcomes import OUTCOMES
from optimizer.nightly.publishing import published_text
from optimizer.plan_rows import finite
from optimizer.store import Known, Run, StoreFailed

LISTED = 100  # reasons, forced moves and violations that are kept of a night
UNKNOWN = "what it breaks on tonight's data is not known"


def settle(tonight: Tonight, verdict: Verdict, *, follow: bool = True) -> Run:
    """The run as the store has it now. follow: the published file follows.

    The file is written beside its target first, so that a full disk is met before anything is published; it takes its
    place while the job is locked, so that no older run can put its own there later. Raises StoreFailed; OSError
    where the file cannot be written, before anything is published.
    """
    level = OUTCOMES[verdict.outcome].level
    document = verdict.file.read_bytes() if verdict.file is not None else None
    run = replace(_finished(tonight, verdict), level=level)
    known = _known(verdict.instance, tonight.settings.source) if verdict.instance is not None else None
    target = tonight.settings.publish if follow else None
    with ExitStack() as stack:
        text = None if target is None else _text(tonight, document)
        put = None
        if target is not None and text is not None:
            put = stack.enter_context(staged_file(target, published_text(text, run)))
        run = tonight.store.finish(tonight.lease, run, level=level, document=document, known=known)
        if put is not None:
            try:
                with tonight.store.holding(run):
                    put()
            except OSError as error:
                text = f"published in the store, but {target} was not replaced: {error.strerror}; the next run does it"
                raise StoreFailed("failed", text) from error
    return run


def _text(tonight: Tonight, document: bytes | None) -> str | None:
    """The plan file that is in force after this night, without what is said of it; None where there is none."""
    if document is not None:
        return gzip.decompress(document).decode("utf-8")
    return None if tonight.published is None else tonight.store.text(tonight.published.plan)


def _finished(tonight: Tonight, verdict: Verdict) -> Run:
    """The run's row: numbers of the plan, and everything else as facts."""
    plan, report, settings = verdict.plan, verdict.report, tonight.settings
    named = verdict.breaks if verdict.breaks is not None else (UNKNOWN,)
    facts = verdict.facts | {
        "reasons": list(verdict.reasons[:LISTED]),
        "breaks": [escaped(line) for line in named[:LISTED]],
        "violations": None if verdict.breaks is None else len(named),
        "question": settings.question,
        "source": settings.source,
        "budget": settings.budget,
        "seconds": tonight.clock.spent,
        "host": os.uname().nodename,
    }
    run = replace(
        tonight.run,
        outcome=verdict.outcome,
        code=OUTCOMES[verdict.outcome].code,
        fingerprint=verdict.instance.fingerprint if verdict.instance is not None else None,
    )
    if plan is not None and report is not None:
        facts |= {
            "violations": sum(report.counts.values()),
            "terms": dict(plan.terms),
            "carbon_kg": plan.carbon_kg,
            "status": plan.status,
            "solver": plan.solver,
            "versions": dict(plan.versions),
            "forced": [f"{f.demand} left {f.hub or 'a hub that is gone'}: {f.why}" for f in report.forced[:LISTED]],
        }
        moved, forced = round(float(report.moved.sum()), 6), float(report.forced_count)  # to the checker's tolerance
        run = replace(run, cost=plan.cost, bound=plan.bound, gap=plan.gap, moved=moved, forced=forced)
    return replace(run, facts=json.loads(json.dumps(finite(facts))))


def _known(instance: Instance, source: str) -> Known:
    place = str(Path(source).absolute()) if Path(source).exists() else source
    return Known(instance.fingerprint, instance.name, place, instance.as_of, time.time(), figures(instance))
