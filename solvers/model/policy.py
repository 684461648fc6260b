"""Numbers of the policy and of limits that may be soft. Shapes: H hubs, R resources, C contracts, S tag shares."""

from __future__ import annotations

from dataclasses import dataclass

from solvers.model.options import Bools, Floats, Ints


@dataclass(frozen=True)
class Limits:
    """Arrays of one shape. limit: nan: none; price: money per unit beyond the limit, nan: hard."""

    limit: Floats
    price: Floats


@dataclass(frozen=True)
class PolicyData:
    """Limits of utilisation (H, R), of the green share (1,), of tag shares (S,); closing costs (H,).

    green_contract: (C,); tagged: (S, H) hubs with the tag; tag_resource: (S,) -1: all resources.
    closing_cost: money if an existing optional hub does not stay open, 0 for others.
    """

    budget: Limits  # (1,) money
    closing_cost: Floats
    min_utilisation: Limits
    max_utilisation: Limits
    green_contract: Bools
    green_share: Limits
    tagged: Bools
    tag_resource: Ints
    tag_min: Limits
    tag_max: Limits
