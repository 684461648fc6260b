"""Limits that may be soft, for the second checker: every value in loops over names and periods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from naive_tables import Tables


@dataclass(frozen=True)
class Limit:
    """value against limit (a number, or an object with its price); weight: units of the price per unit of the row."""

    rule: str
    place: str
    value: float
    limit: Any
    least: bool = False
    weight: float = 1.0

    @property
    def soft(self) -> bool:
        return isinstance(self.limit, dict)

    @property
    def paid(self) -> float:
        """What exceeding a soft limit costs."""
        if not self.soft:
            return 0.0
        beyond = self.value - self.limit["limit"]
        return float(self.limit["price_per_unit"] * self.weight * max(0.0, -beyond if self.least else beyond))


def limits(tables: Tables) -> Iterator[Limit]:
    """Every limit that is given."""
    for limit in _all(tables):
        if limit.limit is not None:
            yield limit


def _all(tables: Tables) -> Iterator[Limit]:
    for name, h in tables.hubs.items():
        yield Limit("hub_carbon", name, tables.carbon[name], h.get("carbon_cap_kg"))
    yield Limit("carbon", "policy", sum(tables.carbon.values()), tables.doc.get("policy", {}).get("carbon_cap_kg"))
