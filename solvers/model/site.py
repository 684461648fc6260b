"""The site block: explicit variables and rows of hubs and links, and the data they are built from.

The first variables are the ties (`options.Ties`): what the options load. Families (`families/`) add the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from solvers.model.backups import Reserves
from solvers.model.options import Bools, Clock, Floats, Ints, Longs, Ties
from solvers.model.policy import PolicyData
from solvers.model.supply import Supply


@dataclass(frozen=True)
class SiteData:
    """Numbers of hubs and links. Shapes: H hubs, R resources, T periods, L links, C contracts, I, J kinds of modules.

    Money for the horizon unless per kWh. Infinite: no limit. users_hub (H,), users_link (L,): most shares and
    backups that can be at the hub, over the link. hub_cost: 0 for hubs that stand already.
    """

    clock: Clock
    ties: Ties
    hub_open: Bools  # (H,) must be open
    hub_optional: Bools  # (H,) the plan decides; neither: closed
    hub_cost: Floats
    capacity: Floats  # (H, R, T) units
    hub_module_hub: Ints  # (I,)
    hub_module_capacity: Floats  # (I, R) units
    hub_module_kw: Floats
    hub_module_cost: Floats
    hub_module_max: Ints
    pue: Floats  # (H, T)
    idle_kw: Floats
    power_kw: Floats  # (H, R) kW per unit
    energy_price: Floats  # (H, T) money per kWh
    carbon_factor: Floats  # (H, T) kg per kWh
    connection_kw: Floats
    contract_hub: Ints  # (C,)
    contract_kw: Floats  # (C, T)
    contract_price: Floats  # (C, T) money per kWh
    hub_carbon_cap: Floats  # kg
    hub_carbon_cap_price: Floats  # money per kg beyond the cap; nan: hard
    carbon_cap: float  # kg
    carbon_cap_price: float
    carbon_price: float  # money per kg
    open_hubs_min: int
    open_hubs_max: int
    link_open: Bools  # (L,)
    link_optional: Bools
    link_directed: Bools
    link_cost: Floats
    bandwidth: Floats  # (L, T) Gbit/s, each direction
    link_module_link: Ints  # (J,)
    link_module_gbps: Floats
    link_module_cost: Floats
    link_module_max: Ints
    users_hub: Floats
    users_link: Floats
    move_limit: float  # sum of moved fractions
    move_limit_price: float  # nan: hard
    policy: PolicyData
    supply: Supply
    reserves: Reserves


@dataclass(frozen=True)
class Label:
    """A run of variables or rows of one family; index: one array per dimension of its name."""

    family: str
    start: int
    index: tuple[NDArray[Any], ...]

    def __len__(self) -> int:
        return len(self.index[0]) if self.index else 1


def table(labels: Iterable[Label], family: str, shape: tuple[int, ...]) -> Longs:
    """Numbers of a family's variables or rows by their index, of that shape; -1 where there is none."""
    out = np.full(shape, -1, dtype=np.int64)
    for label in labels:
        if label.family == family:
            out[label.index] = np.arange(label.start, label.start + len(label))
    return out


@dataclass
class SiteBlock:
    """Variables and rows as families add them."""

    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    integer: list[Bools] = field(default_factory=list)
    row_lower: list[Floats] = field(default_factory=list)
    row_upper: list[Floats] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    row_labels: list[Label] = field(default_factory=list)
    entries: list[tuple[Longs, Longs, Floats]] = field(default_factory=list)
    costs: list[tuple[str, Longs, Floats]] = field(default_factory=list)
    measures: list[tuple[str, Longs, Floats]] = field(default_factory=list)
    variable_count: int = 0
    row_count: int = 0

    def variables(
        self, family: str, index: tuple[NDArray[Any], ...], lower: Any, upper: Any, *, integer: bool = False
    ) -> Longs:
        """Add one variable per entry of the index arrays; returns their numbers."""
        n = len(index[0])
        self.labels.append(Label(family, self.variable_count, index))
        self.lower.append(np.broadcast_to(np.asarray(lower, float), (n,)))
        self.upper.append(np.broadcast_to(np.asarray(upper, float), (n,)))
        self.integer.append(np.full(n, integer))
        self.variable_count += n
        return np.arange(self.variable_count - n, self.variable_count)

    def rows(self, family: str, index: tuple[NDArray[Any], ...], lower: Any, upper: Any) -> Longs:
        """Add one row per entry of the index arrays; returns their numbers."""
        n = len(index[0])
        self.row_labels.append(Label(family, self.row_count, index))
        self.row_lower.append(np.broadcast_to(np.asarray(lower, float), (n,)))
        self.row_upper.append(np.broadcast_to(np.asarray(upper, float), (n,)))
        self.row_count += n
        return np.arange(self.row_count - n, self.row_count)

    def put(self, rows: Any, variables: Any, values: Any) -> None:
        """Add coefficients; the three broadcast against each other."""
        r, v, a = np.broadcast_arrays(rows, variables, np.asarray(values, float))
        self.entries.append((r.ravel(), v.ravel(), a.ravel()))

    def cost(self, term: str, variables: Any, values: Any) -> None:
        """Add money per unit of variables to a term of the objective."""
        v, a = np.broadcast_arrays(variables, np.asarray(values, float))
        self.costs.append((term, v.ravel(), a.ravel()))

    def measure(self, name: str, variables: Any, values: Any) -> None:
        """Add units per unit of variables to a quantity that is reported, such as kg of carbon."""
        v, a = np.broadcast_arrays(variables, np.asarray(values, float))
        self.measures.append((name, v.ravel(), a.ravel()))

    def find(self, family: str) -> Longs:
        """Numbers of a family's variables, in the order they were added."""
        found = [np.arange(label.start, label.start + len(label)) for label in self.labels if label.family == family]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def row_table(self, family: str, shape: tuple[int, ...]) -> Longs:
        """Numbers of a family's rows by their index; -1 where there is none."""
        return table(self.row_labels, family, shape)

    def variable_table(self, family: str, shape: tuple[int, ...]) -> Longs:
        """Numbers of a family's variables by their index; -1 where there is none."""
        return table(self.labels, family, shape)

    def finish(self) -> Site:
        """The immutable block."""
        rows, cols, values = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        matrix = sp.coo_array((values, (rows, cols)), shape=(self.row_count, self.variable_count)).tocsc()
        matrix.eliminate_zeros()
        return Site(
            np.concatenate(self.lower), np.concatenate(self.upper), np.concatenate(self.integer), matrix,
            np.concatenate(self.row_lower), np.concatenate(self.row_upper), self._summed(self.costs),
            self._summed(self.measures),
            tuple(self.labels), tuple(self.row_labels),
        )  # fmt: skip

    def _summed(self, entries: list[tuple[str, Longs, Floats]]) -> dict[str, Floats]:
        out: dict[str, Floats] = {}
        for name, variables, values in entries:
            np.add.at(out.setdefault(name, np.zeros(self.variable_count)), variables, values)
        return out


@dataclass(frozen=True)
class Site:
    """The site block: n variables of which the first are the ties, m rows.

    lower, upper, integer: (n,); matrix: (m, n) CSC; row_lower, row_upper: (m,); cost: term -> (n,) money;
    measures: quantity -> (n,) its units.
    """

    lower: Floats
    upper: Floats
    integer: Bools
    matrix: sp.csc_array
    row_lower: Floats
    row_upper: Floats
    cost: dict[str, Floats]
    measures: dict[str, Floats]
    labels: tuple[Label, ...]
    row_labels: tuple[Label, ...]

    def values(self, family: str, x: Floats) -> Floats:
        """Values of a family's variables in a vector over the block, in the order they were added."""
        parts = [x[label.start : label.start + len(label)] for label in self.labels if label.family == family]
        return np.concatenate(parts) if parts else np.zeros(0)

    @property
    def total_cost(self) -> Floats:
        """(n,) money per unit of each variable, all terms."""
        return np.asarray(sum(self.cost.values(), np.zeros(len(self.lower))))


Family = Callable[[SiteBlock, SiteData], None]


def build_site(data: SiteData, families: tuple[Family, ...]) -> Site:
    """Run the families in order on an empty block."""
    block = SiteBlock()
    for family in families:
        family(block, data)
    return block.finish()
