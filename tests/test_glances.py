"""How long HiGHS looks at what bound and best value leave of a small program."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest

from solvers import highs
from solvers.lagrangian import cores, solve
from solvers.lagrangian.run import Run
from solvers.lagrangian.structure import recognise
from solvers.milp import Floats, Limits, Milp, MilpResult, Watch
from solvers.scaling import Undo
from tests.test_lagrangian import EXACT, _milp, _written


@pytest.mark.parametrize("ahead", [True, False])
def test_a_look_at_a_location_goes_on_while_its_bound_is_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: bool
) -> None:
    milp = _milp(_written(tmp_path / "p.txt", 1, slack=1.3))
    data, known = recognise(milp), highs.solve(milp, EXACT)
    assert data is not None
    run = Run(milp, data, Limits(1000.0, 1e-9, 1), None, None, time.perf_counter())
    run.raise_bound()
    rounds, asked = solve._rounds(run, solve._search(run)), []
    run.bound, run.value = known.objective - 50.0, known.objective + 50.0
    told = run.bound + (10.0 if ahead else -10.0)

    def looks(program: Milp, limits: Limits, start: Floats | None, watch: Watch) -> MilpResult:
        asked.extend(watch(share * limits.seconds, math.inf, told, None) for share in (0.1, 0.9))
        return MilpResult("no_solution", None, math.inf, -math.inf)

    monkeypatch.setattr(cores.highs, "solve", looks)
    monkeypatch.setattr(cores, "scale", lambda program: (program, Undo(*map(np.ones, program.matrix.shape), 1.0)))
    cores.glance(run, rounds)
    assert asked == [True, ahead]
    assert run.bound == known.objective - (40.0 if ahead else 50.0)
