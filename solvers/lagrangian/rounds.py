"""What goes on beside the exact steps: local search, dives and large neighbourhoods, in turns."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from solvers.lagrangian.fillings import Fillings
from solvers.lagrangian.neighbourhoods import Neighbourhoods
from solvers.lagrangian.opensets import OpenSets
from solvers.lagrangian.search import Search
from solvers.milp import Bools, Floats, Longs

WAIT = 0.05  # seconds, where there is nothing to do while loops are compiled
SPARING = 3.0  # times what a dive took that found nothing better, until the next one
TOGETHER = 1.0  # seconds of neighbourhoods, or of local search, in a turn
WALKS = 8  # over open sets, in a turn
OFFERED = 4  # assignments that wait for their search, at most: the latest are the best


class Rounds:
    """What improves the best point while there is time, in turns: local search, dives, and large neighbourhoods.

    Any of fillings (for dives), neighbourhoods and open sets may be missing. left: seconds, at most 0 where it has to
    stop; found: the best point (n,) after the last turn, for other threads to read.
    """

    def __init__(
        self, search: Search, fillings: Fillings | None, near: Neighbourhoods | None, sets: OpenSets | None
    ) -> None:
        self.search, self.fillings, self.near, self.sets, self.count = search, fillings, near, sets, 0
        self.left: Callable[[], float] = lambda: math.inf
        self.found: Floats | None = None
        self.next = -math.inf  # time of the next dive
        self.offered: deque[tuple[Longs, Bools]] = deque(maxlen=OFFERED)
        self.known: set[bytes] = set()  # open hubs that were offered

    def offer(self, at: Longs, opened: Bools) -> None:
        """An assignment (D,), which may overload hubs, whose open hubs (H,) are worth a search. From any thread."""
        if opened.tobytes() not in self.known:
            self.known.add(opened.tobytes())
            self.offered.append((at, opened))

    def turn(self) -> None:
        """One turn, after which `found` is what it has found."""
        before = self.search.value
        self._turn()
        if self.search.value < before:
            self.found = self.search.point()

    def _turn(self) -> None:
        """What was offered last; else a dive, if it is time for one; else neighbourhoods and local search in turns."""
        search, began = self.search, time.perf_counter()
        self.count += 1
        if self.offered and search.ready:
            search.within(*self.offered.pop(), lambda: self.left() > 0)
        elif self.sets is not None and search.ready and self.count % 3 == 1:
            self.locate(self.sets)
        elif self.fillings is not None and (self.near is None or began >= self.next or math.isinf(search.value)):
            self._dive(self.fillings)
        elif self.near is not None and (self.count % 2 or not search.ready) and math.isfinite(search.value):
            while time.perf_counter() < began + TOGETHER and self.left() > 0:
                x = self.near.better(search.point(), self.left())
                if x is not None:
                    search.take(x)
        elif search.ready:
            search.run()
            while self.near is not None and time.perf_counter() < began + TOGETHER and self.left() > 0:
                search.run()
        else:
            time.sleep(WAIT)

    def locate(self, sets: OpenSets) -> bool:
        """Walks over open sets, and a search with the cheapest new one. False: there is none."""
        search, began = self.search, time.perf_counter()
        for _ in range(WALKS):
            sets.walk(search.value)
            if time.perf_counter() > began + TOGETHER or self.left() <= 0:
                break
        opened = sets.cheapest(self.known)
        if opened is None:
            return False
        self.known.add(opened.tobytes())
        search.within(search.nearest(opened), opened, lambda: self.left() > 0)
        return True

    def _dive(self, fillings: Fillings) -> None:
        """A dive with its completion by local search; one that found nothing better is followed by as much of the
        others as it took, and more."""
        search, began, before = self.search, time.perf_counter(), self.search.value
        step = search.data.step
        fillings.left = self.left
        shares = fillings.dive(before - step + 1e-6 * max(step, abs(before) * 1e-3))
        if shares is not None:
            search.polish(*fillings.assignment(shares, search.near))
        if not search.value < before:
            self.next = time.perf_counter() + SPARING * (time.perf_counter() - began)


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
