"""References inside residency rules and pins; other references are resolved while the tables are built."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from instances.findings import Finding, error
from instances.instance import CLOSED, Instance
from instances.quantities import unknown_name

MOST = 20  # rules with findings that are looked at


def _first_demand(instance: Instance, rule: int) -> int:
    """The first demand with that residency rule."""
    return int(np.argmax(instance.demands.residency == rule))


def residency(instance: Instance) -> Iterator[Finding]:
    """A residency rule names a hub or a tag that does not exist."""
    rules, hubs = instance.demands.residency_rules, instance.hubs
    tags = sorted({tag for row in hubs.tags for tag in row})
    for kind, known, fields in (
        ("hub", list(hubs.names), (("allowed_hubs", rules.allowed_hubs), ("forbidden_hubs", rules.forbidden_hubs))),
        ("tag", tags, (("allowed_tags", rules.allowed_tags), ("forbidden_tags", rules.forbidden_tags))),
    ):
        for field, column in fields:
            unknown = set(chain.from_iterable(names for names in column if names)) - set(known)
            if not unknown:
                continue
            bad = [s for s, names in enumerate(column) if names and not unknown.isdisjoint(names)]
            for s in bad[:MOST]:
                names = column[s] or ()
                i = _first_demand(instance, s)
                for k, name in enumerate(names):
                    if name in unknown:
                        yield unknown_name(kind, f"demands[{i}].{field}[{k}]", name, known)


def allowed_and_forbidden(instance: Instance) -> Iterator[Finding]:
    """A hub or tag is allowed and forbidden by one demand."""
    rules = instance.demands.residency_rules
    for kind, allowed, forbidden in (
        ("hubs", rules.allowed_hubs, rules.forbidden_hubs),
        ("tags", rules.allowed_tags, rules.forbidden_tags),
    ):
        both = ((s, set(a) & set(f)) for s, (a, f) in enumerate(zip(allowed, forbidden, strict=True)) if a and f)
        for s, names in [(s, names) for s, names in both if names][:MOST]:
            path = f"demands[{_first_demand(instance, s)}].forbidden_{kind}"
            yield error("contradiction", path, sorted(names)[0], f"a name that is not in `allowed_{kind}` too")


def pins(instance: Instance) -> Iterator[Finding]:
    """A pin names a hub that may not serve, a closed hub, an unknown link, or a route where there is no network."""
    demands, hubs = instance.demands, instance.hubs
    for k, (d, h) in enumerate(zip(demands.fixed.demand.tolist(), demands.fixed.hub.tolist(), strict=True)):
        path, route = f"demands[{d}].fixed", demands.fixed.route[k]
        if h >= 0 and not demands.residency_rules.allowed[demands.residency[d], h]:
            yield error("contradiction", f"{path}.hub", hubs.names[h], "a hub that the demand's residency allows")
        if h >= 0 and hubs.status[h] == CLOSED:
            yield error("contradiction", f"{path}.hub", hubs.names[h], "a hub that is not closed")
        for j, link in enumerate(route or ()):
            if instance.latency_matrix is not None:
                yield error("contradiction", f"{path}.route", link, "no route: there is a latency matrix, no network")
                break
            m = instance.links.names.find(link)
            if m < 0:
                yield unknown_name("link", f"{path}.route[{j}]", link, instance.links.names)
            elif instance.links.status[m] == CLOSED:
                yield error("contradiction", f"{path}.route[{j}]", link, "a link that is not closed")
