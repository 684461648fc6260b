"""What goes on beside the exact steps: local search, dives and large neighbourhoods, in turns."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from solvers.lagrangian.fillings import NONE, Fillings
from solvers.lagrangian.neighbourhoods import Neighbourhoods
from solvers.lagrangian.opensets import OpenSets
from solvers.lagrangian.search import Search
from solvers.milp import Bools, Floats, Longs

WAIT = 0.05  # seconds, where there is nothing to do while loops are compiled
TOGETHER = 1.0  # seconds of neighbourhoods, or of local search, in a turn
WALKS = 8  # over open sets, in a turn
ANEW = 4  # dives, of which one is not around the best point
OFFERED = 4  # assignments that wait for their search, at most: the latest are the best


class Rounds:
    """What improves the best point while there is time: local search, dives, neighbourhoods and open sets, in turns.

    Any of fillings (for dives), neighbourhoods and open sets may be missing. The next turn is for the one that has
    spent least since it last found a better point: in seconds or, without a time limit, in turns. left: seconds, at
    most 0 where it has to stop; found: the best point (n,) after the last turn, for other threads to read.
    """

    def __init__(
        self, search: Search, fillings: Fillings | None, near: Neighbourhoods | None, sets: OpenSets | None, timed: bool
    ) -> None:
        self.search, self.fillings, self.near, self.sets, self._timed = search, fillings, near, sets, timed
        self.left: Callable[[], float] = lambda: math.inf
        self.found: Floats | None = None
        self.offered: deque[tuple[Longs, Bools]] = deque(maxlen=OFFERED)
        self._known: set[bytes] = set()  # open hubs that were searched
        self._turns = {
            "offer": self.accept, "sets": self.locate, "dive": self._dive, "near": self._renew, "walk": self._walk,
        }  # fmt: skip
        self._spent = dict.fromkeys(self._turns, 0.0)

    def offer(self, at: Longs, opened: Bools) -> None:
        """An assignment (D,), which may overload hubs, whose open hubs (H,) are worth a search. From any thread."""
        waiting = {other.tobytes() for _, other in list(self.offered)}
        if opened.tobytes() not in self._known | waiting:
            self.offered.append((at, opened))

    def turn(self) -> None:
        """One turn, of what has spent least, after which `found` is what it has found."""
        search, before, began = self.search, self.search.value, time.perf_counter()
        possible = {
            "sets": self.sets is not None and search.ready,
            "dive": self.fillings is not None and self.near is not None,
            "near": self.near is not None and self._timed and math.isfinite(before),
            "walk": search.ready,
            "offer": search.ready and bool(self.offered),
        }
        ways = [way for way in self._turns if possible[way]]
        if ways:
            way = min(ways, key=lambda way: self._spent[way])
            self._turns[way]()
            self._spent[way] += time.perf_counter() - began if self._timed else 1.0
            if search.value < before:
                self._spent[way] = 0.0
        else:
            time.sleep(WAIT)
        if search.value < before:
            self.found = search.point()

    def accept(self) -> None:
        """A search with the hubs that were offered last, if there was none yet."""
        at, opened = self.offered.pop()
        if opened.tobytes() not in self._known:
            self._known.add(opened.tobytes())
            self.search.within(at, opened, self._goes_on)

    def locate(self) -> bool:
        """Walks over open sets, and a search with the cheapest new one. False: there is none."""
        search, until = self.search, time.perf_counter() + TOGETHER
        if self.sets is None:
            return False
        for _ in range(WALKS):
            self.sets.walk(search.value)
            if self._timed and (time.perf_counter() > until or not self._goes_on()):
                break
        opened = self.sets.cheapest(self._known)
        if opened is None:
            return False
        self._known.add(opened.tobytes())
        self.sets.heed(math.isfinite(search.within(search.nearest(opened), opened, self._goes_on)))
        return True

    def _goes_on(self) -> bool:
        return self.left() > 0

    def _dive(self) -> None:
        """A dive, what it leaves decided by HiGHS, and local search from there."""
        assert self.fillings is not None and self.near is not None
        value, step = self.search.value, self.search.data.step
        self.fillings.left = self.left
        self.fillings.thin()
        anew = math.isinf(value) or self.fillings.dives % ANEW == 0
        kept = NONE if anew else self.fillings.parts(*self.search.best)
        found = self.fillings.dive(value - step + 1e-6 * max(step, abs(value) * 1e-3), kept)
        if found is None:
            return
        x = self.near.best(self.fillings.pairs(*found), self.left())
        if x is None:
            self.search.polish(*self.fillings.assignment(found[0], self.search.near))
        else:
            self.search.take(x)
            self.search.polish(*self.search.data.hubs(x))

    def _renew(self) -> None:
        """Neighbourhoods of the best point, decided anew."""
        assert self.near is not None
        until = time.perf_counter() + TOGETHER
        while time.perf_counter() < until and self._goes_on():
            x = self.near.better(self.search.point(), self.left())
            if x is not None:
                self.search.take(x)

    def _walk(self) -> None:
        """Rounds of local search."""
        until = time.perf_counter() + TOGETHER
        self.search.run()
        while self._timed and time.perf_counter() < until and self._goes_on():
            self.search.run()


class Beside:
    """Rounds in a thread while the block runs, if really; left: seconds."""

    def __init__(self, rounds: Rounds, really: bool, left: Callable[[], float]) -> None:
        self._rounds, self._really, self._stop = rounds, really, False
        self._thread = threading.Thread(target=self._go, daemon=True)
        if really:
            rounds.left = lambda: 0.0 if self._stop else left()

    def _go(self) -> None:
        while self._rounds.left() > 0:
            self._rounds.turn()

    def __enter__(self) -> None:
        if self._really:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop = True
        if self._really:
            self._thread.join()
