"""Moves of demands with nearly equal options until rows with a price are full and none is overfull.

First a quadratic price keeps rows near their targets, above or below, so that what moves of large demands leave, moves
of small ones take up (an augmented Lagrangian, Hestenes 1969, without its continuous steps); then excess alone costs,
ever more of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.decomposition import moves
from solvers.decomposition.primal import Places, Search
from solvers.decomposition.shared import Shared

STIFF = (0.03, 0.1, 0.3, *6 * (1.0,), *6 * (2.0,), *6 * (4.0,), *4 * (8.0,))
"""Turns of balancing: so many times itself is what the price of a row changes by per typical demand off its target."""
EVEN = 4  # turns of balancing with the targets as they are
DOWN, UP = 0.7, 0.5  # later, what targets fall by, times the excess that is left, and rise again, times the room
SWEEPS = 2  # in each turn
AMPLE = 0.5  # of the gap that is enough: balancing ends there, what excess would cost included
TURNS = 48  # of repair: excess costs ever more in each: 1, 3, 9, ... times the price of the row, besides it
PATIENCE = 3  # turns without fewer overfull rows, before there is a plan, that end the search
LEAST = 20_000  # tries in a turn


@dataclass(frozen=True)
class Effort:
    """Tries per movable demand in each turn, at least `least` in all; balance: whether rows are balanced before the
    repair. A search is given up where the gap is so many times what is enough (most), or where so many times more
    demands than at first would have to move (more)."""

    tries: int
    least: int
    balance: bool = True
    most: float = np.inf
    more: float = 1.5


@dataclass
class Improving:
    """One search. enough: gap, in money, to be content with."""

    shared: Shared
    search: Search
    effort: Effort
    enough: float

    def __post_init__(self) -> None:
        self.places = Places.of(self.search, self.shared.pricing, self.search.reads)
        self.rng = np.random.default_rng(self.shared.limits.seed)
        self.tries = max(self.effort.tries * len(self.search.movable), self.effort.least)
        self.turn = 0

    def balance(self, first: int) -> bool:
        """Moves under a quadratic price of what rows with a price are above or below their targets, and others above.
        Ends early where the gap is ample and, with True, where no row is overfull and it is enough. first: turn to
        begin with."""
        search = self.search
        dear, paid = search.penalty(), search.worth > 0
        steep = dear / search.unit
        curve, none = np.stack([np.where(paid, steep, 0.0), steep], axis=1), np.zeros((len(steep), 2))
        lower = np.zeros(len(steep))
        for turn in range(first, len(STIFF)):
            if turn >= EVEN:
                lower = np.maximum(lower + DOWN * search.excess() - UP * search.room(), 0.0)
            over = self._moved(moves.Rows(search.target - lower, none, STIFF[turn] * curve), SWEEPS, self.tries)
            if over == 0 and search.gap() <= self.enough:
                return True
            if self.shared.late or search.gap() + float(dear @ search.excess()) <= AMPLE * self.enough:
                break
        return False

    def repair(self) -> bool:
        """Moves at what room is worth and an ever higher price of excess, until no row is overfull; True if so."""
        search, price, flat = self.search, self.search.penalty(), np.zeros((len(self.search.worth), 2))
        best, best_gap, late, fewest, fewest_at = search.pick, np.inf, self.shared.late, len(price) + 1, 0
        for turn in range(TURNS):
            above = search.worth + min(3.0**turn, 3e3) * price
            quick = late or (turn >= 20 and np.isinf(best_gap))  # a plan late is better than none
            rows = moves.Rows(search.target, np.stack([search.worth, above], axis=1), flat)
            over = self._moved(rows, 1, 0 if quick else self.tries)
            gap, late = search.gap(), self.shared.late
            if over == 0 and gap < best_gap:
                slow = best_gap - gap < 0.01 * gap
                best, best_gap = search.pick.copy(), gap
                if slow or gap <= self.enough:
                    break
            if turn == 1 and gap > self.effort.most * self.enough:
                break
            if over < fewest:
                fewest, fewest_at = over, turn
            if (late and np.isfinite(best_gap)) or (np.isinf(best_gap) and turn >= fewest_at + PATIENCE):
                break
            price = np.where(search.excess() > 0, 2.0 * price, price)
        if np.isinf(best_gap):
            return False
        search.pick = best
        return True

    def _moved(self, rows: moves.Rows, sweeps: int, tries: int) -> int:
        """Sweeps, then exchanges; how many rows are overfull after them."""
        search, moved = self.search, 0
        for _ in range(sweeps):
            moved += search.sweep(self.rng.permutation(search.movable), rows)
        if tries:
            moved += search.exchange(self.places, rows, tries, self.shared.limits.seed + self.turn)
        over = int((search.excess() > 0).sum())
        self.shared.say(f"  turn {self.turn}: gap {search.gap():.6g} rows over {over} moved {moved}")
        self.turn += 1
        return over


def improve(shared: Shared, search: Search, effort: Effort, enough: float = 0.0, again: bool = False) -> bool:
    """Moves of one and of two demands until no row is overfull; True if so. Ends early where rows stay overfull; the
    search then stands where the moves ended. again: the search goes on from where one ended."""
    if not len(search.movable):
        return not (search.excess() > 0).any()
    improving = Improving(shared, search, effort, enough)
    if effort.balance and improving.balance(EVEN if again else 0):
        return True
    return improving.repair()
