"""Rules about hubs and links: what is open, what is built, and what that carries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instances.instance import CLOSED, OPEN, OPTIONAL
from optimizer.checking.case import Case
from optimizer.checking.report import Breach, apart, over

Floats = NDArray[np.float64]


def capacities(case: Case) -> Floats:
    """(H, R, T) right side of **capacity**: the open hub's own and its modules'."""
    hubs, rows = case.instance.hubs, case.rows
    own = np.where(rows.hub_open[:, None, None], hubs.capacity.dense(), 0.0)
    built = np.zeros(own.shape[:2])
    np.add.at(built, hubs.modules.hub, hubs.modules.capacity * rows.hub_modules[:, None])
    return np.asarray(own + built[:, :, None])


def bandwidths(case: Case) -> Floats:
    """(2L, T) right side of **bandwidth** per arc; the arc against a directed link carries nothing."""
    links, rows = case.instance.links, case.rows
    own = np.where(rows.link_open[:, None], links.capacity_gbps.dense(), 0.0)
    built = np.zeros(len(links))
    np.add.at(built, links.modules.link, links.modules.capacity_gbps * rows.link_modules)
    out = np.repeat(own + built[:, None], 2, axis=0)
    out[1::2][links.directed] = 0.0
    return out


def status(case: Case) -> list[Breach]:
    """Open ones are open, closed ones are closed."""
    found: list[Breach] = []
    for table, is_open, kind in (
        (case.instance.hubs, case.rows.hub_open, "hub"),
        (case.instance.links, case.rows.link_open, "link"),
    ):
        target = np.where(table.status == OPTIONAL, is_open, table.status == OPEN)
        found += apart("status", "open", is_open, target, lambda i, n=table.names, k=kind: f"{k} {n[i]}")
    return found


def open_hub(case: Case) -> list[Breach]:
    """**open[h]**: a share at a hub needs the hub open."""
    return over("open", "share", np.minimum(case.share_at_hub, 1.0), case.rows.hub_open, case.hub_at)


def open_link(case: Case) -> list[Breach]:
    """**link_open[m]**: a share over a link needs the link open."""
    value = np.zeros(len(case.instance.links))
    np.maximum.at(value, case.rows.arc >> 1, case.share_on_route[case.rows.arc_route])
    names = case.instance.links.names
    return over("link_open", "share", np.minimum(value, 1.0), case.rows.link_open, lambda m: names[m])


def modules(case: Case) -> list[Breach]:
    """**modules**, **link_modules**: whole numbers from 0 to max_count, and none where closed."""
    found: list[Breach] = []
    rows = case.rows
    hubs, links = case.instance.hubs.modules, case.instance.links.modules
    for rule, kinds, owner, is_open, count, names in (
        ("modules", hubs, hubs.hub, rows.hub_open, rows.hub_modules, case.instance.hubs.names),
        ("link_modules", links, links.link, rows.link_open, rows.link_modules, case.instance.links.names),
    ):

        def place(i: int, o: NDArray[np.int32] = owner, n: tuple[str, ...] = kinds.names, s: object = names) -> str:
            return f"{s[o[i]]}, {n[i]}"  # type: ignore[index]

        found += over(rule, "modules", count, kinds.max_count * is_open[owner], place)
        found += over(rule, "modules", count, 0.0, place, below=True)
        found += apart(rule, "modules", count, np.round(count), place, scale=1.0)
    return found


def capacity(case: Case) -> list[Breach]:
    """**capacity[h,r,t]**."""
    names = case.instance.resources.names

    def place(h: int, r: int, t: int) -> str:
        return f"{case.instance.hubs.names[h]}, {names[r]}, period {t}"

    return over("capacity", "unit", case.flows.load, capacities(case), place)


def bandwidth(case: Case) -> list[Breach]:
    """**bandwidth[m,direction,t]**."""

    def place(arc: int, t: int) -> str:
        return f"{case.arc_at(arc)}, period {t}"

    return over("bandwidth", "Gbit/s", case.traffic, bandwidths(case), place)


def open_hubs(case: Case) -> list[Breach]:
    """**open_hubs**: how many of the hubs that are not closed are open."""
    policy = case.instance.policy
    value = float(np.count_nonzero(case.rows.hub_open & (case.instance.hubs.status != CLOSED)))
    found = over("open_hubs", "hubs", value, policy.open_hubs_max, lambda: "policy, at most")
    return found + over("open_hubs", "hubs", value, policy.open_hubs_min, lambda: "policy, at least", below=True)


RULES = (status, open_hub, open_link, modules, capacity, bandwidth, open_hubs)
