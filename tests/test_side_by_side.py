"""Fronts of large programs: points solved two at a time are those solved one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from random_instances import random_document

from instances import from_document
from optimizer import Options, pareto
from optimizer.fronts import side_by_side


@pytest.mark.parametrize("seed", range(8))
def test_two_chains_give_the_plans_of_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = from_document(random_document(seed, features=("energy", "carbon"), demands=6, hubs=3))
    options = Options(gap=1e-8)
    one = pareto(instance, points=6, options=options)
    monkeypatch.setattr("optimizer.fronts.CORE_FROM", 1)
    two = pareto(instance, points=6, options=options)
    assert len(one.plans) == len(two.plans)
    assert one.values == pytest.approx(two.values, rel=1e-6, abs=1e-6)


def test_an_error_in_a_thread_is_raised() -> None:
    def broken() -> Iterator[tuple[int, object]]:
        yield 1, None
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(side_by_side([broken(), iter([])]))  # type: ignore[list-item]
