"""Random small instances with features of all groups together, and what two backends, checkers and mutations say."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import forced_placements
import numpy as np
import plan_mutations
from naive_checker import Naive
from random_instances import FEATURES, LATER, random_document
from random_moves import plan_in_force

from instances import from_document
from instances.instance import Instance
from optimizer import Options, Plan, RejectedPlan, check, solve
from optimizer.plan_files import InvalidPlan, read_plan, write_plan
from solvers.milp import SolverFailure

Doc = dict[str, Any]
MORE = tuple(feature for group in LATER.values() for feature in group.FEATURES)
ALL = (*FEATURES, *MORE)
PAIRS = tuple(combinations(ALL, 2))
CLOSE = 1e-6  # agreement of two objectives, relative to max(1, |objective|)
GAP = 1e-7
OFTEN = {"energy": 0.7, "unserved": 0.75}
TIGHT = {"budget", "carbon_cap", "hub_carbon_cap", "pins", "open_hubs"}  # half as often: they make many infeasible


@dataclass(frozen=True)
class Mix:
    """An instance document, the features that it was drawn with, and the plan in force where there is one."""

    seed: int
    features: tuple[str, ...]
    document: Doc
    in_force: list[tuple[str, str, float, int | None]] | None


@dataclass
class Verdict:
    """What was found of one instance; `wrong` lists every disagreement."""

    mix: Mix
    status: str = ""
    objective: float = float("nan")
    wrong: list[str] = field(default_factory=list)
    tried: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    harmless: Counter[str] = field(default_factory=Counter)
    forced: int = 0  # placements tried by force; 0: not tried

    @property
    def feasible(self) -> bool:
        return self.status == "OPTIMAL"


def drawn(seed: int) -> Mix:
    """The instance of a seed: one pair of features in turn, and others by chance."""
    rng = np.random.default_rng([seed, 2026])
    on = set(PAIRS[(seed * 1009) % len(PAIRS)])  # 1009 is coprime to the number of pairs: each comes up in turn
    for feature in ALL:
        chance = OFTEN.get(feature, 0.35 if feature in FEATURES else 0.2)
        if rng.random() < (chance / 2 if feature in TIGHT else chance):
            on.add(feature)
    names = tuple(feature for feature in ALL if feature in on)
    document = random_document(
        seed,
        tuple(name for name in names if name in FEATURES),
        demands=3 + seed % 3,
        more=tuple(name for name in names if name in MORE),
    )
    return Mix(seed, names, document, plan_in_force(document, seed) if "migration" in on else None)


def judged(seed: int) -> Verdict:
    """Solves one instance by two backends and, where it is small enough, by force, checks both plans twice, and mutates
    the first."""
    mix = drawn(seed)
    verdict, instance = Verdict(mix), from_document(mix.document)
    try:
        plans = [solve(instance, Options(solver=name, gap=GAP), incumbent=mix.in_force) for name in ("highs", "scip")]
    except (SolverFailure, RejectedPlan) as error:
        verdict.wrong.append(f"{type(error).__name__}: {error}")
        return verdict
    _compare(verdict, *plans)
    _force(verdict, plans[0])
    with tempfile.TemporaryDirectory() as folder:
        for plan in plans:
            if plan.decisions is not None:
                file = Path(folder) / f"{plan.solver}.json"
                write_plan(instance, plan, file)
                _accept(verdict, instance, plan, json.loads(file.read_text()))
        if plans[0].decisions is not None:
            _mutate(verdict, instance, json.loads((Path(folder) / "highs.json").read_text()), Path(folder))
    return verdict


def _compare(verdict: Verdict, plan: Plan, other: Plan) -> None:
    verdict.status, verdict.objective = plan.status, plan.objective
    if plan.status != other.status or plan.status not in ("OPTIMAL", "INFEASIBLE"):
        verdict.wrong.append(f"highs {plan.status}, scip {other.status}")
    elif plan.decisions is not None:
        held = 3 if plan.stages else 1  # a stage may lose 1e-6 to later ones, and each is exact within 1e-6
        if abs(plan.objective - other.objective) > held * CLOSE * max(1.0, abs(plan.objective)):
            verdict.wrong.append(f"highs {plan.objective}, scip {other.objective}")
        for mine, theirs in zip(plan.stages, other.stages, strict=True):
            if abs(mine.value - theirs.value) > 3 * CLOSE * max(1.0, abs(mine.value)):  # each held within 1e-6
                verdict.wrong.append(f"stage {mine.name}: highs {mine.value}, scip {theirs.value}")


def _force(verdict: Verdict, plan: Plan) -> None:
    """Every placement of the single demands: none is better than the plan, and the best is as good."""
    tried = forced_placements.best(verdict.mix.document, verdict.mix.features, GAP)
    if tried is None:
        return
    best, verdict.forced = tried
    if best != plan.objective and not abs(best - plan.objective) <= CLOSE * max(1.0, abs(plan.objective)):
        verdict.wrong.append(f"highs {plan.objective}, by force {best}")


def _accept(verdict: Verdict, instance: Instance, plan: Plan, written: Doc) -> None:
    report, naive = check(instance, plan), Naive(verdict.mix.document, written).run()
    if not report.ok:
        verdict.wrong.append(f"check refuses {plan.solver}: {report.violations[0]}")
    if naive:
        verdict.wrong.append(f"the second checker refuses {plan.solver}: {next(iter(naive.items()))}")


def _mutate(verdict: Verdict, instance: Instance, plan: Doc, folder: Path) -> None:
    """Every kind of mutation, once. One that need not do harm is judged by the second checker, not by check."""
    for number, mutation in enumerate(plan_mutations.ALL):
        name, rng = mutation.__name__, np.random.default_rng([verdict.mix.seed, number])
        made = mutation(verdict.mix.document, plan, rng)
        if made is None:
            continue
        verdict.tried[name] += 1
        refused = _refused(instance, made, folder / "mutated.json")
        harmful = mutation in plan_mutations.ALWAYS or bool(Naive(verdict.mix.document, made).run())
        if refused != harmful:
            verdict.wrong.append(f"{name}: {'refused' if refused else 'accepted'}, {harmful=}")
        verdict.rejected[name] += refused
        verdict.harmless[name] += not harmful


def _refused(instance: Instance, document: Doc, file: Path) -> bool:
    file.write_text(json.dumps(document))
    try:
        return not check(instance, read_plan(file, instance)).ok
    except InvalidPlan:
        return True
