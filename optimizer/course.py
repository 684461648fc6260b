"""The course of a solve: when the incumbent and the bound changed, for the plan to tell later."""

from __future__ import annotations

from collections.abc import Callable

from optimizer.plan import Moment

Progress = Callable[[float, float, float], bool | None]
MOST = 256  # moments kept


class Course:
    """Use as the ``on_progress`` of a solve; what it is told goes on to the caller's, if there is one."""

    def __init__(self, then: Progress) -> None:
        self._then = then
        self._moments: list[Moment] = []

    def __call__(self, seconds: float, incumbent: float, bound: float) -> bool | None:
        last = self._moments[-1] if self._moments else None
        if last is None or (incumbent, bound) != (last.incumbent, last.bound):
            self._moments.append(Moment(seconds, incumbent, bound))
            if len(self._moments) >= 2 * MOST:
                self._moments = self.thinned()
        return self._then(seconds, incumbent, bound)

    def thinned(self) -> list[Moment]:
        """At most MOST moments, evenly chosen, the first and the last among them."""
        every = self._moments
        if len(every) <= MOST:
            return every
        return [every[round(i * (len(every) - 1) / (MOST - 1))] for i in range(MOST)]

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What was told, where it changed."""
        return tuple(self.thinned())
