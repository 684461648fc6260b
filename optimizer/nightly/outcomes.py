"""How a night can end: the name in the store and in files, the exit code, and what a scheduler should do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Then = Literal["rest", "look", "retry", "page"]


@dataclass(frozen=True)
class Outcome:
    """level: of what is in force after such a night; then: the next step."""

    code: int
    level: Literal["valid", "degraded", "stale"]
    then: Then
    words: str


OUTCOMES: dict[str, Outcome] = {
    "done": Outcome(0, "valid", "rest", "a new plan, within the gap asked for"),
    "internal": Outcome(1, "stale", "page", "an internal error"),
    "invalid-input": Outcome(2, "stale", "page", "tonight's data are not valid, or the command is not"),
    "infeasible": Outcome(3, "stale", "page", "no valid plan exists on tonight's data"),
    "no-plan": Outcome(4, "stale", "retry", "no valid plan was found in time"),
    "check-failed": Outcome(5, "stale", "page", "the checker refused every plan that the solvers gave"),
    "larger-gap": Outcome(8, "valid", "look", "a new plan, with a larger gap than asked for"),
    "fallback": Outcome(9, "valid", "look", "the repaired plan: it could not be improved"),
    "degraded": Outcome(10, "degraded", "page", "a plan that breaks rules, as there is no valid one"),
    "stale-input": Outcome(11, "stale", "page", "tonight's data are too old"),
    "nothing-to-do": Outcome(12, "valid", "rest", "the published plan still holds, or another run is at work"),
    "store-failed": Outcome(13, "stale", "retry", "the store or the published file failed"),
    "interrupted": Outcome(130, "stale", "retry", "stopped before there was a plan"),
}
"""Where a job has never published a plan the level is `none`. Where another run is at work, or the store cannot be
reached, what is in force stays as it is, and the run has no row."""
