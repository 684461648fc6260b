"""The best that prices of the rows can prove in a case in which some hubs may be open or closed.

At given prices only the rows share <= open tie demands and hubs. A demand whose cheapest hubs B are open w(B) in all
pays for what is lacking there: 1 - w(B) times what the next dearer one costs more. Summed over demands this is a
function of w alone, with one term per different set B, in which demands of the same surroundings agree: the radius
formulation of location (Cornuejols, Nemhauser and Wolsey 1980; Garcia, Labbe and Marin 2011). Its least in the box of
the case is a linear program with a variable per hub and one per set, however many demands there are. Its duals say what
serving each demand is worth (row `serve` of the certificate).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from solvers.decomposition import radius_loops
from solvers.decomposition.setting import Setting
from solvers.highs import Lp
from solvers.milp import Limits, Milp, stacked
from solvers.model.options import Floats, Longs

ROOM = 8_192  # a quarter of the different sets that there is room for at first


@dataclass(frozen=True)
class Proof:
    """bound: of a case; z: (q,) prices; level: (n,) what serving demands is worth, -inf: nothing; parts: (U,) how far
    hubs are open where the bound is reached."""

    bound: float
    z: Floats
    level: Floats
    parts: Floats


@dataclass(frozen=True)
class _Sets:
    """Different sets of cheapest hubs, and what demands pay for each that is not open: of: (s,) the set, length: (s,)
    how much, inf: it must be open, demand: (s,) whose. member: (k, U) hubs of each set; example: (k,) a demand of each,
    one that must have it where there is any."""

    of: Longs
    length: Floats
    demand: Longs
    member: sp.csr_array
    example: Longs


def proof(setting: Setting, z: Floats, low: Floats, high: Floats) -> Proof:
    """The bound of the best levels at prices z (q,) in the case low <= open <= high (U,)."""
    base, sets = _segments(setting, z, low, high)
    nothing = np.full(len(base), -np.inf)
    if not np.isfinite(base).all():  # a demand has nowhere to go
        return Proof(math.inf, z, nothing, low)
    k, U, site = len(sets.example), len(low), setting.site
    y = setting.side.prices(z)
    rest = site.total_cost[setting.opens] - site.matrix[:, setting.opens].T @ y
    finite = np.isfinite(sets.length)
    stake = np.bincount(sets.of[finite], sets.length[finite], k)
    must = np.zeros(k, bool)  # some demand has no other hub than these
    must[sets.of[~finite]] = True
    size = max(abs(float(base.sum())), 1.0)
    lp = Lp(
        Milp(
            cost=np.concatenate([rest, np.where(must, 0.0, stake)]) / size, offset=0.0,
            lower=np.concatenate([low, np.zeros(k)]), upper=np.concatenate([high, np.where(must, 0.0, np.inf)]),
            integer=np.zeros(U + k, bool),
            matrix=stacked([sets.member.tocsc(), sp.eye_array(k, format="csc")], beside=True),
            row_lower=np.ones(k), row_upper=np.full(k, np.inf),
        )
    )  # fmt: skip
    result = lp.solve(Limits())
    lp.close()
    if result.x is None or result.duals is None:  # a demand's hubs are all closed in part: splits show it
        return Proof(setting.bound(z, nothing, low, high), z, nothing, low)
    price = np.maximum(result.duals, 0.0) * size
    part = np.where(must, 0.0, np.minimum(price / np.where(stake > 0, stake, np.inf), 1.0))
    raised = np.where(finite, sets.length, 0.0) * part[sets.of]
    more = np.bincount(sets.demand, raised, len(base))
    np.add.at(more, sets.example[must], price[must])
    level = np.where(more > 0, base + more, -np.inf)
    return Proof(setting.bound(z, level, low, high), z, level, np.clip(result.x[:U], low, high))


def least(setting: Setting, z: Floats, low: Floats, high: Floats, parts: Floats) -> Floats:
    """(n,) what each demand costs at least at prices z (q,) in a case, where hubs are open so far (U,)."""
    base, sets = _segments(setting, z, low, high)
    lack = np.maximum(1.0 - sets.member @ parts, 0.0)[sets.of]
    length = np.where(np.isfinite(sets.length), sets.length, 0.0)
    return np.asarray(base + np.bincount(sets.demand, length * lack, len(base)))


def _segments(setting: Setting, z: Floats, low: Floats, high: Floats) -> tuple[Floats, _Sets]:
    """(n,) what demands cost at least with all undecided hubs open, and the sets of hubs that they may lack."""
    d, options = setting.demands, setting.problem.options
    worth, once = setting.pricing.worth(setting.side.worth(setting.side.prices(z)))
    part, n, pairs = setting.part(low, high), len(d), len(d.route)
    code = np.random.default_rng(0).integers(1, 2**56, options.hubs)  # sums tell sets apart
    base, length, order, of = np.empty(n), np.empty(pairs), np.empty(pairs, np.int64), np.empty(pairs, np.int64)
    found: list[tuple[slice, Longs, Longs]] = []

    def some(_: int, first: int, last: int) -> float:
        room, count = ROOM, -1
        while count < 0:
            room *= 4
            known, example, table = np.empty(room, np.int64), np.empty(room, np.int64), np.full(4 * room, -1, np.int64)
            count = radius_loops.segments(
                first, last, d.start, d.route, options.candidates.hub, d.extra, setting.exact, d.unserved, worth, once,
                part, code, base, of, length, order, known, table, example,
            )  # fmt: skip
        found.append((slice(d.start[first], d.start[last]), known[:count], example[:count]))
        return 0.0

    setting.pricing.parts(some, n)
    found.sort(key=lambda one: one[0].start)
    example = np.concatenate([one[2] for one in found])
    sums, same = np.unique(np.concatenate([one[1] for one in found]), return_inverse=True)
    first = 0
    for span, known, _ in found:
        number = same.reshape(-1)[first : first + len(known)]
        of[span] = np.where(of[span] >= 0, number[np.maximum(of[span], 0)], -1) if len(known) else -1
        first += len(known)
    chosen = np.empty(len(sums), np.int64)
    by = np.argsort(np.isinf(length[example]), kind="stable")  # those of infinite length last: they stay
    chosen[same.reshape(-1)[by]] = example[by]
    at = np.flatnonzero((of >= 0) & (length > 0))
    demand = setting.owner[chosen]
    count = chosen - d.start[demand] + 1
    start = np.concatenate([[0], np.cumsum(count)])
    taken = np.repeat(d.start[demand] - start[:-1], count) + np.arange(start[-1])
    place = np.full(options.hubs, -1)
    place[setting.hubs] = np.arange(len(setting.hubs))
    member = sp.csr_array((np.ones(start[-1]), place[order[taken]], start), shape=(len(chosen), len(setting.hubs)))
    return base, _Sets(of[at], length[at], setting.owner[at], member, demand)
