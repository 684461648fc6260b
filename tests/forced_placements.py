"""The optimum of a small instance of any features by trying every placement of its single demands.

Each is forced by fields of the document (a pin, or a latency limit that no route meets), and what the placement leaves
open, such as hours, power, hubs and backups, is left to the solver: an independent list of options, and no search.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from typing import Any

from brute_force import BruteForce

from instances import from_document
from optimizer import Options, solve

Doc = dict[str, Any]
MOST = 40  # placements tried of one instance
NOWHERE = 1e-6  # ms
REFUSED = {"migration", "named_objective", "staged_objective", "weighted_objective"}
"""Features with which forcing an option changes more than that: a pin is an option gone for a plan in force."""


def placements(document: Doc, features: tuple[str, ...]) -> list[list[Doc]] | None:
    """Changes of each single demand of fixed timing, one per option; None where they are too many, or none."""
    if REFUSED & set(features):
        return None
    force, found = BruteForce(document), []
    for d, demand in enumerate(document["demands"]):
        alone = demand.get("placement") == "single" and demand.get("timing") != "per_period"
        if not alone or "fixed" in demand or "together" in demand:
            continue
        ways: list[Doc] = []
        for k in force.choices(d):
            if k is None:
                ways.append({"max_latency_ms": NOWHERE})
                continue
            links = [force.links[arc >> 1]["name"] for arc in force.routes.arcs_of(k).tolist()]
            pin = {"hub": force.hubs[force.routes.hub[k]]["name"]} | ({"route": links} if force.links else {})
            ways.append({"fixed": pin})
        found.append([{"demand": d} | way for way in ways])
    return found if found and 2 <= math.prod(map(len, found)) <= MOST else None


def best(document: Doc, features: tuple[str, ...], gap: float) -> tuple[float, int] | None:
    """The least objective over all placements (inf: none is feasible), and how many there are; None: not tried."""
    ways = placements(document, features)
    if ways is None:
        return None
    values = [solve(from_document(made), Options(gap=gap)).objective for made in _made(document, ways)]
    return min(values), len(values)


def _made(document: Doc, ways: list[list[Doc]]) -> Iterator[Doc]:
    for chosen in itertools.product(*ways):
        made = copy.deepcopy(document)
        for change in chosen:
            made["demands"][change["demand"]] |= {name: value for name, value in change.items() if name != "demand"}
        yield made
