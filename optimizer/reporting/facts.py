"""All that a page tells of one plan, recomputed by the checker's sums from the instance and the plan's decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from instances.instance import Instance
from optimizer.checking import Report, check, measure, with_breaches
from optimizer.checking.case import Case
from optimizer.checking.proving import Proof, prove
from optimizer.checking.rows import Rows, readable
from optimizer.plan import Decisions, Incumbent, Plan
from optimizer.reporting.clock import Clock
from optimizer.reporting.work import Work
from optimizer.summary import Summary, summarise

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Facts:
    """One plan with its audit. The plan has decisions; `against` is the placement that moves are counted from."""

    instance: Instance
    plan: Plan
    report: Report
    proof: Proof | None  # None: the plan has no certificate
    against: Incumbent | None
    before: Report | None = None  # the sums of the old plan, where it is of the same instance
    notes: tuple[str, ...] = ()  # on names of the old plan that the instance does not have
    price_seconds: float = 0.0  # for shadow prices; 0: none are computed

    @property
    def decisions(self) -> Decisions:
        assert self.plan.decisions is not None
        return self.plan.decisions

    @cached_property
    def rows(self) -> Rows:
        """The plan's tables as far as they can be read."""
        return readable(self.instance, self.decisions)[0]

    @cached_property
    def case(self) -> Case:
        return Case(self.instance, self.plan, self.rows)

    @cached_property
    def work(self) -> Work:
        return Work(self.case)

    @cached_property
    def clock(self) -> Clock:
        return Clock(self.instance)

    @cached_property
    def summary(self) -> Summary:
        return summarise(self.instance, self.plan, self.report)

    @cached_property
    def moved(self) -> Report | None:
        """The sums of the plan with moves counted from `against`; None without that."""
        if self.against is None:
            return None
        if self.against is self.plan.incumbent:
            return self.report
        return measure(self.instance, replace(self.plan, incumbent=self.against))

    def hub(self, h: int) -> str:
        """The name of a hub as people call it."""
        return self.instance.hubs.label[h] or self.instance.hubs.names[h]

    def full_hub(self, h: int) -> str:
        """Its name in the files, and what people call it."""
        name, label = self.instance.hubs.names[h], self.instance.hubs.label[h]
        return f"{name}  {label}" if label and label != name else name

    def node(self, n: int) -> str:
        return self.instance.nodes.label[n] or self.instance.nodes.names[n]

    def demand(self, d: int) -> str:
        labels = self.instance.demands.label
        return (labels[d] if labels else "") or self.instance.demands.names[d]


def audited(instance: Instance, plan: Plan) -> tuple[Report, Proof | None]:
    """What the checker says of a plan with decisions, and what its certificate proves."""
    report = check(instance, plan)
    if plan.certificate is None and not np.isfinite(plan.proven_bound):
        return report, None
    proof = prove(instance, plan)
    return with_breaches(report, proof.breaches), proof
