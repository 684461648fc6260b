"""The factored operator agrees with the explicit matrix: load is A x, price is c - A'y."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_instances import FEATURES, random_document

from instances import InvalidInstance, from_document
from optimizer.compiling import compile_problem
from solvers.model import Options, assemble
from solvers.model.columns import PART, SHARE, Columns, columns
from solvers.model.operator import load, price

SEEDS = range(60)
LATENCY = ("latency_price",)


def _options(seed: int, features: tuple[str, ...] | None = None) -> Options:
    try:
        document = random_document(seed, features, more=LATENCY if seed % 2 else ())
        return compile_problem(from_document(document)).options
    except InvalidInstance as error:
        raise AssertionError("\n".join(str(f) for f in error.findings)) from None


def _columns_of_pairs(options: Options, table: Columns, kind: int) -> np.ndarray:
    """(pairs, T) column of each pair and period (period -1 stands in period 0), -1 where there is none."""
    pairs = options.all_pairs
    key = pairs.demand.astype(np.int64) * len(options.candidates.hub) + pairs.candidate
    out = np.full((len(pairs), options.periods), -1)
    for j in np.flatnonzero(table.kind == kind):
        row = np.searchsorted(key, int(table.demand[j]) * len(options.candidates.hub) + int(table.candidate[j]))
        out[row, max(table.period[j], 0)] = j
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_load_is_the_matrix_times_x(seed: int) -> None:
    options = _options(seed)
    table = columns(options, options.all_pairs)
    rng = np.random.default_rng(seed)
    x = rng.random(len(table)) * (table.kind <= PART)
    x[(table.kind != SHARE) & (table.kind != PART)] = 0.0
    expected = (table.matrix @ x)[: options.ties.count]
    where, parts_at = _columns_of_pairs(options, table, SHARE), _columns_of_pairs(options, table, PART)
    share = np.where(where >= 0, x[where], 0.0)
    fixed = ~options.per_period[options.all_pairs.demand]
    share[fixed] = share[fixed, :1]
    part = np.where(parts_at >= 0, x[parts_at], 0.0)
    found = load(options, options.all_pairs, share, part)
    assert np.abs(found - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("seed", SEEDS)
def test_price_is_the_cost_less_the_matrix_times_prices(seed: int) -> None:
    options = _options(seed)
    table = columns(options, options.all_pairs)
    duals = np.random.default_rng(seed).normal(size=options.ties.count)
    cost = sum(table.cost.values(), np.zeros(len(table)))
    ties = table.matrix[: options.ties.count]
    expected = cost - ties.T @ duals
    share, part = price(options, options.all_pairs, duals)
    where, parts_at = _columns_of_pairs(options, table, SHARE), _columns_of_pairs(options, table, PART)
    per_period = options.per_period[options.all_pairs.demand]
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    for row in range(len(options.all_pairs)):
        if per_period[row]:
            has = where[row] >= 0
            assert np.abs(share[row, has] - expected[where[row, has]]).max(initial=0.0) <= 1e-12 * scale
        else:
            assert abs(share[row].sum() - expected[where[row, 0]]) <= 1e-12 * scale
        has = parts_at[row] >= 0
        assert np.abs(part[row, has] - expected[parts_at[row, has]]).max(initial=0.0) <= 1e-12 * scale


@pytest.mark.parametrize("seed", SEEDS)
def test_no_column_names_a_row_twice(seed: int) -> None:
    milp = assemble(compile_problem(from_document(random_document(seed)))).milp
    replace(milp, checked=None)  # looks at every entry; assembling relies on how the pieces are made


def test_a_route_that_passes_a_link_twice_is_refused() -> None:
    options = _options(0, ("links",))
    c = options.candidates
    first = np.flatnonzero(np.diff(c.arc_start)[options.all_pairs.candidate] >= 2)[0]
    start = c.arc_start[options.all_pairs.candidate[first]]
    arcs = c.arcs.copy()
    arcs[start + 1] = arcs[start] ^ 1
    with pytest.raises(ValueError, match="passes a link twice"):
        columns(replace(options, candidates=replace(c, arcs=arcs)), options.all_pairs)


def test_the_seeds_cover_every_feature() -> None:
    options = [_options(seed) for seed in SEEDS]
    assert any(o.deferrable.any() for o in options)
    assert any(o.per_period.any() for o in options)
    assert any(o.overrides.has_amount.any() for o in options)
    assert any(o.optional_link.any() and o.optional_links.nnz for o in options)
    assert any((o.traffic_back.scale > 0).any() for o in options)
    assert any((o.pin_hub >= 0).any() for o in options)


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_alone_compiles(feature: str) -> None:
    for seed in range(3):
        assert len(_options(seed, (feature, "energy", "links")).all_pairs) > 0
