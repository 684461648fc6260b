"""The report: one offline page per plan, for people who decide about money and carbon.

Everything on it is recomputed from the instance and the plan's decisions; a plan that the checker refuses is said to
be refused. Pictures are SVG drawn here (a plotting library would be most of the 5 MB that a page may have), tables sort
and download in a few lines of script, and nothing is fetched.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instances.durable import write_file
from instances.instance import Instance
from optimizer.checking import Report, measure
from optimizer.incumbents import Given, read_incumbent
from optimizer.plan import Plan
from optimizer.plan_reading import InvalidPlan, is_plan_file, read_plan
from optimizer.reporting.atlas import atlas
from optimizer.reporting.batches import batch_of, read_rows
from optimizer.reporting.costs import costs
from optimizer.reporting.facts import Facts, audited
from optimizer.reporting.headline import aims, banner, tiles, violations
from optimizer.reporting.heat import heat
from optimizer.reporting.hours import hours
from optimizer.reporting.limiting import limiting
from optimizer.reporting.moving import moving
from optimizer.reporting.nights import nights_of
from optimizer.reporting.origins import origins
from optimizer.reporting.page import render
from optimizer.reporting.progress import progress
from optimizer.reporting.section import Page
from optimizer.reporting.serving import serving
from optimizer.reporting.words import counted

__all__ = ["batch_page", "nights_page", "plan_page", "write_page"]

PRICE_SECONDS = 60.0  # for shadow prices
SECTIONS = (violations, aims, atlas, hours, heat, costs, limiting, moving, serving, progress, origins)


def plan_page(
    instance: Instance, plan: Plan, *, against: Given | None = None, price_seconds: float = PRICE_SECONDS
) -> str:
    """The page of a plan with decisions, as HTML; the page of a plan that the checker refuses says so.

    against: the old plan that moves are told from (anything `read_incumbent` takes); by default the one that the plan
    carries. price_seconds: for shadow prices, 0: none. Raises ValueError for a plan that decides nothing,
    InvalidPlan and InvalidPlacement for an old plan that cannot be read.
    """
    if plan.decisions is None:
        raise ValueError(f"a plan with status {plan.status} decides nothing that could be shown")
    was, notes = plan.incumbent, tuple[str, ...]()
    if against is not None:
        was, notes = read_incumbent(instance, against)
    report, proof = audited(instance, plan)
    facts = Facts(instance, plan, report, proof, was, _before(instance, against), notes, price_seconds)
    return render(
        Page(
            title=instance.title or instance.name,
            subtitle=_sizes(facts),
            about=instance.description,
            banner=banner(facts),
            tiles=tiles(facts),
            sections=tuple(s for s in (make(facts) for make in SECTIONS) if s is not None),
            foot=(f"hubplan, {plan.instance_name or instance.name}, {instance.fingerprint}",),
        )
    )


def batch_page(folder: str | os.PathLike[str]) -> str:
    """The page of the folder that a batch has filled. Raises ValueError where there is no batch."""
    return render(batch_of(read_rows(Path(folder)), f"Batch {Path(folder).resolve().name}"))


def nights_page(rows: Sequence[Mapping[str, Any]], job: str = "") -> str:
    """The page of a nightly job, from rows of `optimizer.nightly.history`. Raises ValueError where there are none."""
    return render(nights_of(rows, job))


def _sizes(facts: Facts) -> str:
    return ", ".join(counted(number, noun.removesuffix("s")) for noun, number in facts.summary.counts.items() if number)


def _before(instance: Instance, against: Given | None) -> Report | None:
    """The sums of the old plan, where it is a plan of this very instance."""
    if isinstance(against, (str, os.PathLike)) and is_plan_file(Path(against)):
        with contextlib.suppress(InvalidPlan):
            against = read_plan(against, instance)
    if isinstance(against, Plan) and against.fingerprint == instance.fingerprint and against.decisions is not None:
        return measure(instance, against)
    return None


def write_page(html: str, path: str | os.PathLike[str]) -> None:
    """Write a page; the path holds the old file or the whole new one. Raises OSError."""
    write_file(Path(path), [html])
