"""Loops over demands at given prices where some hubs are open in part only, compiled.

A hub that is open in part takes at most that part of each demand. Softened, a demand with the level u gives hub h of
part w the share w S / (1 + S), S the sum of exp((u - price) / heat) over its options there, and hubs that are open the
sum itself; u is where all shares come to one. Without partly open hubs these are the soft minima of `loops.soft`.
Arrays as there; part: (H,) 0 to 1, OPEN, or CLOSED.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from solvers.decomposition.compiled import compiled
from solvers.decomposition.loops import COUPLED, MOST_ROWS, SKIPPED

OPEN, CLOSED = 2.0, -1.0
FARTHEST = 40.0  # temperatures within which a share is not nothing
RIGID = 1e-4  # least slope of all shares by the level, times the temperature
MOST_HUBS = 1024


@compiled
def partly(
    first: int, last: int, start: Any, route: Any, hub: Any, extra: Any, vector: Any, factor: Any, slot: Any,
    unserved: Any, weight: Any, heat: Any, dear: Any, worth: Any, once: Any, part: Any, level: Any, loads: Any,
    uses: Any, spread: Any, saved: Any, item_start: Any, item_row: Any, item_stream: Any, item_time: Any,
    item_value: Any, second: Any, raw: Any, cross: Any, curve: Any, every: int,
) -> tuple[float, int]:  # fmt: skip
    """Value of all demands; adds to loads, uses, spread and second derivatives as `loops.soft` does.

    hub: (K,) of candidates; dear: (n,) money above its dearest option at which a demand stays unserved; level: (n,)
    guessed and found; saved: (H,) what partly open hubs save: minus the derivative of the value by their part; cross:
    (H, r) second derivatives by part and row, curve: (H, H) by two parts.
    """
    streams, periods = worth.shape[1], worth.shape[2]
    total, derive, assembled = 0.0, second.shape[0] > 0, 0
    price, share, local = np.empty(4096), np.empty(4096), np.empty(4096, np.int64)
    place = np.full(part.shape[0], -1, np.int64)
    who, best, weigh = np.empty(MOST_HUBS, np.int64), np.empty(MOST_HUBS), np.empty(MOST_HUBS)
    log, full = np.empty(MOST_HUBS), np.empty(MOST_HUBS)
    amount, of_hub, beta = np.zeros(MOST_ROWS), np.zeros(MOST_ROWS), np.zeros(MOST_ROWS)
    mine, touched = np.empty(MOST_ROWS, np.int64), np.empty(MOST_ROWS, np.int64)
    in_hub = np.zeros(MOST_ROWS, np.bool_)
    rows, at_row = np.empty(MOST_ROWS, np.int64), np.full(second.shape[0], -1, np.int64)
    for i in range(first, last):
        a, b, hubs = start[i], start[i + 1], 0
        lowest, highest = np.inf, -np.inf
        for j in range(a, b):
            k = route[j]
            h = hub[k]
            local[j - a] = -1
            if part[h] == CLOSED:
                continue
            value = once[k]
            if extra.shape[0] > 0:
                value += extra[j]
            for s in range(streams):
                f = factor[i, s]
                if f != 0:
                    u, dot = slot[s], np.float32(0.0)
                    for t in range(periods):
                        dot += vector[i, u, t] * worth[k, s, t]
                    value += f * dot
            price[j - a] = value
            lowest, highest = min(lowest, value), max(highest, value)
            if place[h] < 0:
                place[h], who[hubs], best[hubs], weigh[hubs] = hubs, h, value, 0.0
                hubs += 1
            q = place[h]
            local[j - a] = q
            best[q] = min(best[q], value)
        tau = heat[i]
        idle = unserved[i]
        if hubs > 0:
            idle = min(idle, highest + dear[i])
            lowest = min(lowest, idle)
        elif idle < np.inf:
            lowest = idle
        else:
            lowest, idle = 0.0, dear[i]
        for j in range(b - a):
            q = local[j]
            if q >= 0:
                share[j] = np.exp((best[q] - price[j]) / tau)
                weigh[q] += share[j]
        high = (idle - lowest) / tau
        low = high
        for q in range(hubs):
            log[q] = (best[q] - lowest) / tau - np.log(weigh[q])
            low = min(low, log[q])
            place[who[q]] = -1
            if part[who[q]] == OPEN:
                high = min(high, log[q])
        # the level, in temperatures above the lowest price: Newton steps, halving where they leave the bracket
        low, at = low - 8.0, (level[i] - lowest) / tau
        if not low < at < high:  # what was found before is a good guess, if it is one
            at = high
        slope, rest = 1.0, 0.0
        for _ in range(80):
            value, slope = -1.0, 0.0
            now = np.exp(max(at - (idle - lowest) / tau, -700.0))
            value, slope = value + now, slope + now
            for q in range(hubs):
                w = part[who[q]]
                if w == OPEN:
                    now = np.exp(min(max(at - log[q], -700.0), 50.0))
                    value, slope = value + now, slope + now
                elif w > 0:
                    now = 1.0 / (1.0 + np.exp(min(max(log[q] - at, -700.0), 700.0)))
                    value, slope = value + w * now, slope + w * now * (1.0 - now)
            if abs(value) < 1e-11:
                break
            if value > 0:
                high = at
            else:
                low = at
            step = at - value / slope if slope > 1e-300 else np.inf
            at = step if low < step < high else 0.5 * (low + high)
            if high - low < 1e-12 * (1.0 + abs(at)):
                break
        u = lowest + tau * at
        level[i] = u
        rest = np.exp(max(at - (idle - lowest) / tau, -700.0))
        value = u + tau - tau * rest
        stiff = rest / tau
        for q in range(hubs):
            h = who[q]
            w = part[h]
            if w == OPEN:
                full[q] = np.exp(min(at - log[q], 50.0))
                value -= tau * full[q]
                stiff += full[q] / tau
            else:
                away = at - log[q]
                full[q] = 1.0 / (1.0 + np.exp(min(max(-away, -700.0), 700.0)))
                soft = away + np.log1p(np.exp(-away)) if away > 0 else np.log1p(np.exp(away))
                value -= w * tau * soft
                saved[h] += weight[i] * tau * soft
                stiff += w * full[q] * (1.0 - full[q]) / tau
        total += weight[i] * value
        live = 0
        for j in range(b - a):
            q = local[j]
            if q < 0:
                continue
            k, w = route[a + j], part[who[q]]
            share[j] *= full[q] / weigh[q]
            taken = share[j] * (1.0 if w == OPEN else w)
            if taken < 1e-9:
                continue
            live += taken >= COUPLED
            uses[k] += weight[i] * taken
            for s in range(streams):
                f = weight[i] * taken * factor[i, s]
                if f != 0:
                    v, g = slot[s], factor[i, s] / tau
                    for t in range(periods):
                        now = f * vector[i, v, t]
                        loads[k, s, t] += now
                        spread[k, s, t] += now * (g * vector[i, v, t])
        if not derive or i % every != 0:
            continue
        stiff = max(stiff, RIGID / tau)
        least = COUPLED * min(1.0, stiff * tau)  # where little gives way, small shares count
        some = live > 1
        for q in range(hubs):
            some = some or (part[who[q]] != OPEN and full[q] >= COUPLED)
        if not some and i % (SKIPPED * every) != 0:
            continue
        assembled += some
        scale, count = weight[i] * every, 0
        for q in range(hubs):
            w = part[who[q]]
            partly_open = w != OPEN
            w = w if partly_open else 1.0
            if full[q] < least:
                continue
            many = 0
            for j in range(b - a):
                if local[j] != q or share[j] < least:
                    continue
                k, own = route[a + j], 0
                for e in range(item_start[k], item_start[k + 1]):
                    r, s = item_row[e], item_stream[e]
                    now = item_value[e]
                    if s >= 0:
                        now *= factor[i, s] * vector[i, slot[s], item_time[e]]
                    p = at_row[r]
                    if p < 0:
                        if count == MOST_ROWS:
                            continue
                        p = count
                        at_row[r], rows[p], count = p, r, count + 1
                        beta[p], of_hub[p], in_hub[p], amount[p] = 0.0, 0.0, False, 0.0
                    if amount[p] == 0.0:
                        mine[own] = p
                        own += 1
                    amount[p] += now
                for x in range(own):
                    p = mine[x]
                    r, part_of = rows[p], scale * w * share[j] / tau * amount[p]
                    for y in range(x, own):
                        c = rows[mine[y]]
                        both = part_of * amount[mine[y]]
                        second[min(r, c), max(r, c)] += both
                        if i % (SKIPPED * every) == 0:
                            raw[min(r, c), max(r, c)] += both * SKIPPED
                for x in range(own):
                    p = mine[x]
                    if not in_hub[p]:
                        in_hub[p], touched[many] = True, p
                        many += 1
                    of_hub[p] += share[j] * amount[p]
                    amount[p] = 0.0
            for x in range(many):
                p = touched[x]
                r = rows[p]
                beta[p] += w * (1.0 - full[q] if partly_open else 1.0) / tau * of_hub[p]
                if partly_open:
                    cross[who[q], r] -= scale * of_hub[p]
                    for y in range(x, many):
                        c = rows[touched[y]]
                        second[min(r, c), max(r, c)] -= scale * w / tau * of_hub[p] * of_hub[touched[y]]
            for x in range(many):
                of_hub[touched[x]], in_hub[touched[x]] = 0.0, False
        for p in range(count):
            r = rows[p]
            at_row[r] = -1
            for c in range(p, count):
                second[min(r, rows[c]), max(r, rows[c])] -= scale * beta[p] * beta[c] / stiff
        for q in range(hubs):
            if part[who[q]] == OPEN or full[q] < least:
                continue
            for p in range(count):
                cross[who[q], rows[p]] += scale * full[q] * beta[p] / stiff
            for x in range(hubs):
                if part[who[x]] != OPEN and full[x] >= least:
                    curve[who[q], who[x]] += scale * full[q] * full[x] / stiff
    return total, assembled


@compiled
def served(
    first: int, last: int, start: Any, route: Any, hub: Any, extra: Any, vector: Any, factor: Any, slot: Any,
    unserved: Any, worth: Any, once: Any, part: Any, level: Any, saved: Any,
) -> float:  # fmt: skip
    """Sum of what demands cost at least where serving each is worth its level: at a partly open hub no less than that.

    saved: (H,) what they cost less than it there, added to: their rows share <= open are priced so.
    """
    streams, periods, total = worth.shape[1], worth.shape[2], 0.0
    cost, who = np.full(part.shape[0], np.inf), np.empty(part.shape[0], np.int64)
    for i in range(first, last):
        hubs = 0
        for j in range(start[i], start[i + 1]):
            k = route[j]
            h = hub[k]
            if part[h] == CLOSED:
                continue
            value = once[k]
            if extra.shape[0] > 0:
                value += extra[j]
            for s in range(streams):
                f = factor[i, s]
                if f != 0:
                    u, dot = slot[s], 0.0
                    for t in range(periods):
                        dot += vector[i, u, t] * worth[k, s, t]
                    value += f * dot
            if cost[h] == np.inf:
                who[hubs] = h
                hubs += 1
            cost[h] = min(cost[h], value)
        least = unserved[i]
        for q in range(hubs):
            h = who[q]
            value = cost[h]
            cost[h] = np.inf
            if part[h] != OPEN and value < level[i]:
                saved[h] += level[i] - value
                value = level[i]
            least = min(least, value)
        total += least
    return total
