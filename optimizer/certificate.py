"""The certificate of a plan: prices of rows that prove a bound, perhaps case by case (`docs/certificate.md`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

# rows of `docs/model.md` and `docs/certificate.md`: the columns that name one, and the sign of its price
# (-1: of a row value <= limit, 1: of value >= limit, 0: either)
ROWS: dict[str, tuple[tuple[str, ...], int]] = {
    "capacity": (("hub", "resource", "period"), -1),
    "bandwidth": (("link", "item", "period"), -1),
    "modules": (("hub", "item"), -1),
    "link_modules": (("link", "item"), -1),
    "open": (("hub",), -1),
    "link_open": (("link",), -1),
    "serve": (("demand",), 0),
    "balance": (("hub", "period"), 0),
    "connection": (("hub", "period"), -1),
    "contract": (("hub", "item", "period"), -1),
    "onsite": (("hub", "period"), -1),
    "battery": (("hub", "period"), -1),
    "stored": (("hub", "period"), 0),
    "charging": (("hub", "period"), -1),
    "certificate": (("hub", "period"), -1),
    "import": (("hub", "period"), -1),
    "hub_carbon": (("hub",), -1),
    "carbon": ((), -1),
    "min_utilisation": (("hub", "resource"), 1),
    "max_utilisation": (("hub", "resource", "period"), -1),
    "open_hubs": ((), 0),
    "budget": ((), -1),
    "green_share": ((), 1),
    "tag_share_min": (("item",), 1),
    "tag_share_max": (("item",), -1),
    "move_limit": ((), -1),
}
FAMILIES = tuple(ROWS)
PER_DEMAND = ("open", "link_open", "serve")  # may name a demand (`serve` must), and its period if it is per_period
SPLIT = ("open", "link_open", "modules", "link_modules")  # whole numbers that a branch may split
PLACES = ("demand", "hub", "link", "resource", "item", "period")  # columns of positions, -1 where a row has none


@dataclass(frozen=True)
class Branches:
    """A tree of cases, one row per split: case `node` is the case `low`, in which a whole number is at most `most`,
    and the case `high`, in which it is more. Case 0 is the whole. variable: entry of SPLIT; position: hub, link or row
    of the modules."""

    node: Ints
    variable: Ints
    position: Ints
    most: Ints
    low: Ints
    high: Ints

    @classmethod
    def none(cls) -> Branches:
        return cls(*(np.zeros(0, dtype=np.int32) for _ in range(6)))


@dataclass(frozen=True)
class Certificate:
    """Prices of rows, (n,) each. leaf: the case they hold in; row: entry of FAMILIES; positions in the instance, -1
    where the row has none; item: direction of a link (0: from a to b), row of the modules or contracts, or the tag
    share; price: change of the objective per unit of the right side, HiGHS' sign."""

    leaf: Ints
    row: Ints
    demand: Ints
    hub: Ints
    link: Ints
    resource: Ints
    item: Ints
    period: Ints
    price: Floats
    branches: Branches

    @classmethod
    def none(cls) -> Certificate:
        no = np.zeros(0, dtype=np.int32)
        return cls(no, no, no, no, no, no, no, no, np.zeros(0), Branches.none())

    def __len__(self) -> int:
        return len(self.price)
