"""Deferrable demands: what the model of deferral needs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from instances.columnar import Bools, Floats, Ints, Series
from instances.findings import MISSING, Finding, Said, each, error, warning
from instances.instance import Instance

CHUNK = 20_000
SAME = 1e-9


def per_period(instance: Instance) -> Iterator[Finding]:
    """A deferrable demand has per-period timing."""
    bad = instance.demands.deferrable & instance.demands.per_period
    yield from each(
        bad, lambda i: error("deferral", f"demands[{i}].timing", "per_period", "`fixed` for deferrable demands")
    )


def equal_periods(instance: Instance) -> Iterator[Finding]:
    """There are deferrable demands, and the periods are not equally long."""
    hours, deferrable = instance.time.hours, instance.demands.deferrable
    if deferrable.any() and np.any(np.abs(hours - hours[0]) > SAME * hours[0]):
        path = f"demands[{int(np.argmax(deferrable))}].deferral"
        found = Said(f"periods of {hours.min():g} to {hours.max():g} h")
        yield error("deferral", path, found, "periods of equal length where demands are deferrable")


def _chunks(positions: Ints) -> Iterator[Ints]:
    for start in range(0, len(positions), CHUNK):
        yield positions[start : start + CHUNK]


def _shape(values: Floats) -> Floats:
    """(n, T) values as parts of their total; zeros where the total is 0."""
    total = values.sum(axis=1, keepdims=True)
    parts: Floats = np.divide(values, total, out=np.zeros_like(values), where=total > 0.0)
    return parts


def _arrival(instance: Instance, some: Ints) -> Floats:
    """(n, T) parts in which the work of demands arrives, from the first amount that is not zero."""
    shape = np.zeros((len(some), instance.time.count))
    for r in range(len(instance.resources)):
        empty = ~shape.any(axis=1)
        if empty.any():
            shape[empty] = _shape(instance.demands.amount.dense((some[empty], r)))
    return shape


def proportional(instance: Instance) -> Iterator[Finding]:
    """Amounts of several resources, overrides or traffic of a deferrable demand are not proportional over time."""
    demands = instance.demands
    deferrable = np.flatnonzero(demands.deferrable).astype(np.int32)
    for some in _chunks(deferrable):
        arrival = _arrival(instance, some)
        columns: list[tuple[str, Series, tuple[object, ...]]] = [
            (f"amount.{name}", demands.amount, (some, r)) for r, name in enumerate(instance.resources.names)
        ]
        columns += [
            ("traffic_gbps", demands.traffic_gbps, (some,)),
            ("traffic_back_gbps", demands.traffic_back_gbps, (some,)),
        ]
        for field, series, where in columns:
            bad = _differs(_shape(series.dense(where)), arrival)
            yield from each(some[bad], partial(_course_of, field))
    yield from _overrides(instance)


def _overrides(instance: Instance) -> Iterator[Finding]:
    demands, at = instance.demands, instance.demands.overrides
    mine = np.flatnonzero(at.has_amount & demands.deferrable[at.demand]).astype(np.int32)
    for some in _chunks(mine):
        arrival = _arrival(instance, at.demand[some])
        for r in range(len(instance.resources)):
            bad = _differs(_shape(at.amount.dense((some, r))), arrival)

            def finding(k: int, some: Ints = some) -> Finding:
                p = some[k]
                return _not_proportional(f"demands[{at.demand[p]}].amount_at.{instance.hubs.names[at.hub[p]]}")

            yield from each(bad, finding)


def _differs(shape: Floats, arrival: Floats) -> Bools:
    bad: Bools = shape.any(axis=1) & (np.abs(shape - arrival).max(axis=1, initial=0.0) > SAME)
    return bad


def _course_of(field: str, demand: int) -> Finding:
    return _not_proportional(f"demands[{demand}].{field}")


def _not_proportional(path: str) -> Finding:
    return error(
        "deferral",
        path,
        Said("another course over time"),
        "amounts and traffic proportional over time where work may wait",
    )


def one_block(instance: Instance) -> Iterator[Finding]:
    """Work that runs as one block has no rate, or does not arrive in one period."""
    demands = instance.demands
    mine = np.flatnonzero(demands.block).astype(np.int32)
    yield from each(
        mine[np.isinf(demands.max_rate[mine])],
        lambda d: error("missing-field", f"demands[{d}].deferral.max_rate", MISSING, "the rate of the block"),
    )
    for some in _chunks(mine[demands.first_resource[mine] >= 0]):
        arriving = np.count_nonzero(demands.amount.dense((some, demands.first_resource[some])), axis=1)

        def finding(k: int, some: Ints = some, arriving: Ints = arriving) -> Finding:
            found = Said(f"work arriving in {arriving[k]} periods")
            name = instance.resources.names[demands.first_resource[some[k]]]
            return error("deferral", f"demands[{some[k]}].amount.{name}", found, "in one period, where mode is block")

        yield from each(arriving != 1, finding)


def finishes(instance: Instance) -> Iterator[Finding]:
    """At the largest rate, work cannot finish in its window or its block (a warning where it may stay unserved)."""
    demands = instance.demands
    limited = demands.deferrable & np.isfinite(demands.max_rate) & (demands.first_resource >= 0)
    for some in _chunks(np.flatnonzero(limited).astype(np.int32)):
        work = demands.amount.dense((some, demands.first_resource[some])) * instance.time.hours
        late = np.zeros(len(some), dtype=np.bool_)
        for b in range(len(instance.time.block_names)):
            here = np.flatnonzero(instance.time.block == b)
            late |= _late(
                instance, some, work[:, here], float(instance.time.hours[here[0]]), bool(instance.time.block_cyclic[b])
            )

        def finding(k: int, some: Ints = some) -> Finding:
            i = some[k]
            served = np.isnan(demands.unserved_penalty_per_unit_h[i]) or bool(np.any(demands.fixed.demand == i))
            make = error if served else warning
            expected = "a rate at which all work is done inside its window and block"
            return make("deferral", f"demands[{i}].deferral.max_rate", demands.max_rate[i], expected)

        yield from each(late, finding)


def _late(instance: Instance, some: Ints, work: Floats, hours: float, cyclic: bool) -> Bools:
    """Whether working as early as possible at the largest rate misses a deadline in the block.

    work: (n, p) arriving unit-hours. Earliest work leaves the least backlog at all times, so it decides. A cyclic
    block is run twice; its second lap is the steady state.
    """
    n, p = work.shape
    rate = instance.demands.max_rate[some] * hours
    window = np.minimum(np.floor(instance.demands.window_h[some] / hours + SAME), p).astype(np.int64)
    slack = SAME * (1.0 + work.sum(axis=1))
    backlog, late = np.zeros(n), np.zeros(n, dtype=np.bool_)
    laps = 2 if cyclic else 1
    arrived = np.concatenate([np.zeros((n, 1)), np.cumsum(np.tile(work, (1, laps + 1)), axis=1)], axis=1)
    rows = np.arange(n)
    if cyclic:
        late |= work.sum(axis=1) > rate * p + slack
    for s in range(p * laps):
        backlog = np.maximum(backlog + work[:, s % p] - rate, 0.0)
        if cyclic and s < p:
            continue
        recent = arrived[:, s + 1] - arrived[rows, np.maximum(s + 1 - window, 0)]
        late |= backlog > recent + slack
    if not cyclic:
        late |= backlog > slack
    return late
