"""The cases of a certificate: boxes over what is open and built, made by splitting one whole number at a time.

A tree of such splits covers every case whatever it says, so that nothing but its shape has to be verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from instances.instance import CLOSED, OPEN, Instance
from optimizer.certificate import SPLIT, Branches
from optimizer.checking.proving.rounding import Floats


@dataclass(frozen=True)
class Box:
    """Least and most of the whole numbers: open (H,), link_open (L,), modules (I,), link_modules (J,)."""

    least: dict[str, Floats]
    most: dict[str, Floats]

    @classmethod
    def whole(cls, instance: Instance) -> Box:
        """Every case that the instance allows."""
        hubs, links = instance.hubs, instance.links
        least = {"open": hubs.status == OPEN, "link_open": links.status == OPEN}
        most = {"open": hubs.status != CLOSED, "link_open": links.status != CLOSED}
        return cls(
            {name: value.astype(np.float64) for name, value in least.items()}
            | {"modules": np.zeros(len(hubs.modules.hub)), "link_modules": np.zeros(len(links.modules.link))},
            {name: value.astype(np.float64) for name, value in most.items()}
            | {"modules": hubs.modules.max_count * 1.0, "link_modules": links.modules.max_count * 1.0},
        )

    def cut(self, name: str, position: int, most: float | None = None, least: float | None = None) -> Box:
        """The part in which one whole number is at most, or at least, a value."""
        lower, upper = self.least[name].copy(), self.most[name].copy()
        if most is not None:
            upper[position] = min(upper[position], most)
        if least is not None:
            lower[position] = max(lower[position], least)
        return replace(self, least={**self.least, name: lower}, most={**self.most, name: upper})

    def settled(self, instance: Instance) -> Box:
        """The same cases, with no modules where nothing can be open."""
        most = dict(self.most)
        most["modules"] = most["modules"] * (most["open"][instance.hubs.modules.hub] > 0)
        most["link_modules"] = most["link_modules"] * (most["link_open"][instance.links.modules.link] > 0)
        return replace(self, most=most)

    @property
    def empty(self) -> bool:
        return any((self.least[name] > self.most[name]).any() for name in self.least)


def faults(instance: Instance, tree: Branches) -> list[str]:
    """What is wrong with the shape of a tree, in words."""
    found, size = [], Box.whole(instance).least
    nodes = set(tree.node.tolist())
    if len(nodes) < len(tree.node):
        found.append("a case is split twice")
    if len(tree.node) and 0 not in nodes:
        found.append("case 0, the whole, is not split")
    for i, name in enumerate(tree.variable.tolist()):
        if not 0 <= name < len(SPLIT) or not 0 <= tree.position[i] < len(size[SPLIT[name]]):
            found.append(f"branch {i} splits what the instance does not have")
    parts = [*tree.low.tolist(), *tree.high.tolist()]
    if len(set(parts)) < len(parts) or 0 in parts:
        found.append("a case is part of two others, or of itself")
    return found


def leaves(instance: Instance, tree: Branches) -> Iterator[tuple[int, Box]]:
    """The cases that are not split, with their boxes; together they cover all. The tree must be without faults."""
    row = {int(node): i for i, node in enumerate(tree.node.tolist())}
    waiting = [(0, Box.whole(instance))]
    while waiting:
        node, box = waiting.pop()
        i = row.get(node)
        if i is None:
            yield node, box.settled(instance)
            continue
        name, position, at = SPLIT[tree.variable[i]], int(tree.position[i]), float(tree.most[i])
        waiting.append((int(tree.low[i]), box.cut(name, position, most=at)))
        waiting.append((int(tree.high[i]), box.cut(name, position, least=at + 1)))
