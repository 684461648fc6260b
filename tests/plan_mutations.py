"""Single mutations of a plan document, each a function that gives the mutated plan, or None where it does not apply.

Those in ``ALWAYS`` break a row or a statement whatever the instance; of others it depends on prices and room.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from naive_checker import Naive

Doc = dict[str, Any]
Rng = np.random.Generator
Mutation = Callable[[Doc, Doc, Rng], Doc | None]
SEEN = 1e-3  # smaller shares and powers are left alone


def _one(rows: list[Any], rng: Rng) -> Any:
    return rows[int(rng.integers(len(rows)))]


def _of(rows: list[Doc], rng: Rng, wanted: Callable[[Doc], bool] = lambda row: True) -> Doc | None:
    """A random row that is wanted, None if there is none."""
    found = [row for row in rows if wanted(row)]
    return _one(found, rng) if found else None


def _key(row: Doc) -> tuple[Any, ...]:
    return row["demand"], row["hub"], row["route"]


def _assigned(made: Doc, rng: Rng) -> Doc | None:
    return _of(made["assignments"], rng, lambda row: row["share"] > SEEN)


def _rerouted(made: Doc, row: Doc, hub: str, links: list[str], naive: Naive) -> None:
    """The row, and its execution, over the named links to the hub."""
    route = {"name": "other", "node": naive.demands[row["demand"]]["node"], "hub": hub, "links": links}
    same = [r for r in made["routes"] if all(r[k] == route[k] for k in ("node", "hub", "links"))]
    if not same:
        made["routes"].append(route | {"latency_ms": naive.latency(route)})
    name, was = (same or [route])[0]["name"], _key(row)
    for part in made.get("execution") or []:
        if _key(part) == was:
            part |= {"hub": hub, "route": name}
    row |= {"hub": hub, "route": name}


# --- who is served where ------------------------------------------------------------------------------------------


def drop_assignment(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if (row := _assigned(made, rng)) is None:
        return None
    made["assignments"].remove(row)
    if "execution" in made:
        made["execution"] = [part for part in made["execution"] if _key(part) != _key(row)]
    return made


def change_share(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if (row := _assigned(made, rng)) is None:
        return None
    row["share"] *= 0.7
    return made


def share_above_one(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if (row := _assigned(made, rng)) is None:
        return None
    row["share"] += 1.0
    return made


def repeat_assignment(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if made.get("execution") or (row := _assigned(made, rng)) is None:  # execution could not tell the two apart
        return None
    made["assignments"].append(dict(row))
    return made


def name_another_hub(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """The assignment's hub alone: its route ends elsewhere."""
    made = copy.deepcopy(plan)
    if (row := _assigned(made, rng)) is None:
        return None
    was, hub = _key(row), _one([h["name"] for h in document["hubs"] if h["name"] != row["hub"]], rng)
    for part in made.get("execution") or []:
        if _key(part) == was:
            part["hub"] = hub
    row["hub"] = hub
    return made


def move_demand(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """To another hub over a candidate route, the power of both sites as it was."""
    made = copy.deepcopy(plan)
    if (row := _assigned(made, rng)) is None:
        return None
    naive = Naive(document, plan)
    node, hubs = naive.demands[row["demand"]]["node"], [h for h in naive.hubs if h != row["hub"]]
    paths = [(h, list(path)) for h in hubs for path in sorted(naive.candidates(node, h))]
    if not paths:
        return None
    _rerouted(made, row, *_one(paths, rng), naive)
    return made


def swap_route(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if (row := _assigned(made, rng)) is None:
        return None
    naive = Naive(document, plan)
    taken = tuple(naive.routes[row["route"]]["links"])
    node = naive.demands[row["demand"]]["node"]
    paths = [list(path) for path in sorted(naive.candidates(node, row["hub"])) if path != taken]
    if not paths:
        return None
    _rerouted(made, row, row["hub"], _one(paths, rng), naive)
    return made


def drop_link_of_route(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    used = {row["route"] for row in made["assignments"] if row["share"] > SEEN}
    if (route := _of(made["routes"], rng, lambda r: r["name"] in used and len(r["links"]) > 0)) is None:
        return None
    route["links"] = route["links"][1:]
    return made


def change_period(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """A share of one period in the next one."""
    made, periods = copy.deepcopy(plan), sum(b["periods"] for b in document["blocks"])
    if (row := _of(made["assignments"], rng, lambda r: "period" in r and r["share"] > SEEN)) is None:
        return None
    row["period"] = (row["period"] + 1) % periods
    return made


def lose_work(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if (part := _of(made.get("execution") or [], rng, lambda e: e["part"] > SEEN)) is None:
        return None
    part["part"] *= 0.8
    return made


def move_work(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """Half of the work of a period in another one."""
    made, periods = copy.deepcopy(plan), sum(b["periods"] for b in document["blocks"])
    if (part := _of(made.get("execution") or [], rng, lambda e: e["part"] > SEEN)) is None:
        return None
    free = set(range(periods)) - {e["period"] for e in made["execution"] if _key(e) == _key(part)}
    if not free:
        return None
    part["part"] /= 2
    made["execution"].append(part | {"period": _one(sorted(free), rng)})
    return made


def change_backup(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """The backup's hub alone."""
    made = copy.deepcopy(plan)
    if not made.get("backups"):
        return None
    row = _one(made["backups"], rng)
    row["hub"] = _one([h["name"] for h in document["hubs"] if h["name"] != row["hub"]], rng)
    return made


def back_up_at_home(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """The primary hub and route as the backup."""
    made = copy.deepcopy(plan)
    if not made.get("backups"):
        return None
    row = _one(made["backups"], rng)
    mine = [
        a
        for a in made["assignments"]
        if (a["demand"], a.get("period")) == (row["demand"], row.get("period")) and a["share"] > SEEN
    ]
    row |= {"hub": mine[0]["hub"], "route": mine[0]["route"]}
    return made


def drop_backup(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if not made.get("backups"):
        return None
    made["backups"].remove(_one(made["backups"], rng))
    return made


# --- sites and links ----------------------------------------------------------------------------------------------


def close_hub(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made, used = copy.deepcopy(plan), {row["hub"] for row in plan["assignments"] if row["share"] > SEEN}
    if (site := _of(made["sites"], rng, lambda s: s["open"] and s["hub"] in used)) is None:
        return None
    site["open"] = False
    return made


def open_hub(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if (site := _of(made["sites"], rng, lambda s: not s["open"])) is None:
        return None
    site["open"] = True
    return made


def close_link(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made, used = copy.deepcopy(plan), {row["route"] for row in plan["assignments"] if row["share"] > SEEN}
    over = {link for r in plan["routes"] if r["name"] in used for link in r["links"]}
    if (link := _of(made["links"], rng, lambda m: m["open"] and m["link"] in over)) is None:
        return None
    link["open"] = False
    return made


def open_link(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if (link := _of(made["links"], rng, lambda m: not m["open"])) is None:
        return None
    link["open"] = True
    return made


def _modules(made: Doc, rng: Rng, by: int) -> Doc | None:
    kinds = [m for row in (*made["sites"], *made["links"]) for m in row.get("modules", []) if m["count"] + by >= 0]
    if not kinds:
        return None
    _one(kinds, rng)["count"] += by
    return made


def add_module(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return _modules(copy.deepcopy(plan), rng, 1)


def remove_module(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return _modules(copy.deepcopy(plan), rng, -1)


# --- power ----------------------------------------------------------------------------------------------------------


def _power(plan: Doc, column: str, by: float, rng: Rng, least: float = -1.0) -> Doc | None:
    """One value of a column of the sites, changed."""
    made = copy.deepcopy(plan)
    cells = [(s, t) for s in made["sites"] for t, kw in enumerate(s.get(column) or []) if kw >= least]
    if not cells:
        return None
    site, t = _one(cells, rng)
    site[column][t] += by
    return made


def lower_grid(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return _power(plan, "grid_kw", -0.1, rng, 0.1)


def raise_contract(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    rows = [c for s in made["sites"] for c in s.get("contract_kw", [])]
    if not rows:
        return None
    kw = _one(rows, rng)["kw"]
    kw[int(rng.integers(len(kw)))] += 0.5
    return made


def curtail_less(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return _power(plan, "onsite_kw", 0.5, rng)


def charge_more(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return _power(plan, "charge_kw", 0.5, rng)


def discharge_more(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return _power(plan, "discharge_kw", 0.5, rng)


def store_more(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return _power(plan, "stored_kwh", 0.5, rng)


def certify_more(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return _power(plan, "certified_kw", 0.5, rng)


# --- what is stated -------------------------------------------------------------------------------------------------


def change_incumbent(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """A share in force at a hub that is not there any more."""
    made = copy.deepcopy(plan)
    if (row := _of(made.get("incumbent") or [], rng, lambda r: r.get("hub") is not None)) is None:
        return None
    row["hub"] = None
    return made


def drop_incumbent(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    return made if made.pop("incumbent", None) is not None else None


def state_latency(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if not made["routes"]:
        return None
    _one(made["routes"], rng)["latency_ms"] += 1.0
    return made


def state_objective(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return copy.deepcopy(plan) | {"objective": plan["objective"] + 0.01 * (1.0 + _money(plan))}


def state_bound(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """A bound above the objective."""
    return copy.deepcopy(plan) | {"bound": plan["objective"] + 0.01 * (1.0 + _money(plan))}


def weaken_bound(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """OPTIMAL with a bound further away than the gap."""
    return copy.deepcopy(plan) | {"bound": plan["objective"] - 0.01 * (1.0 + _money(plan))}


def state_status(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """OPTIMAL with no bound."""
    return copy.deepcopy(plan) | {"bound": None}


def _money(plan: Doc) -> float:
    return float(sum(abs(row["cost"]) for row in plan["terms"]) + abs(plan["objective"]))


def state_term(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    _one(made["terms"], rng)["cost"] += 0.01 * (1.0 + _money(plan))
    return made


def drop_term(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if (row := _of(made["terms"], rng, lambda r: abs(r["cost"]) > 1e-4 * (1.0 + _money(plan)))) is None:
        return None
    made["terms"].remove(row)
    return made


def state_carbon(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    return copy.deepcopy(plan) | {"carbon_kg": plan["carbon_kg"] + 0.01 * (1.0 + abs(plan["carbon_kg"]))}


def state_account(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    name = _one(sorted(made["carbon_accounts"]), rng)
    made["carbon_accounts"][name] -= 0.01 * (1.0 + abs(made["carbon_accounts"][name]))
    return made


def state_fingerprint(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    """That of another instance."""
    return copy.deepcopy(plan) | {
        "fingerprint": plan["fingerprint"][:-1] + ("0" if plan["fingerprint"][-1] != "0" else "1")
    }


def state_stage(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if not made.get("stages"):
        return None
    row = _one(made["stages"], rng)
    row["value"] += 0.01 * (1.0 + abs(row["value"]))
    return made


def drop_stage(document: Doc, plan: Doc, rng: Rng) -> Doc | None:
    made = copy.deepcopy(plan)
    if not made.get("stages"):
        return None
    made["stages"].pop(int(rng.integers(len(made["stages"]))))
    return made


ALWAYS: tuple[Mutation, ...] = (
    share_above_one, repeat_assignment, name_another_hub, drop_link_of_route, lose_work, change_backup, back_up_at_home,
    drop_backup, lower_grid, raise_contract, curtail_less, charge_more, discharge_more, store_more, state_latency,
    state_objective, state_bound, weaken_bound, state_status, state_term, drop_term, state_carbon, state_account,
    state_fingerprint, state_stage, drop_stage, add_module, remove_module,
)  # fmt: skip
DEPENDS: tuple[Mutation, ...] = (
    drop_assignment, change_share, move_demand, swap_route, change_period, move_work, close_hub, open_hub, close_link,
    open_link, certify_more, change_incumbent, drop_incumbent,
)  # fmt: skip
ALL = ALWAYS + DEPENDS
