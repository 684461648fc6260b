"""``hubplan show``: what an instance holds, and on request how hard it is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from optimizer.command_line.arguments import Commands, Usage, add_command, add_instance, open_given

if TYPE_CHECKING:
    from instances import Instance


def add(commands: Commands) -> None:
    parser = add_command(commands, "show", "Sizes, totals, latency classes and sources of an instance.", run)
    add_instance(parser, nargs="?")
    parser.add_argument("--stats", action="store_true", help="also figures of hardness (solves up to 2,000 demands)")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of instance files instead")


def run(arguments: argparse.Namespace) -> int:
    from optimizer.command_line.output import say_json, show

    if arguments.schema:
        from instances import json_schema

        say_json(json_schema())
        return 0
    if arguments.instance is None:
        raise Usage("show needs an INSTANCE: a bundled name (hubplan list) or a path")
    instance = open_given(arguments)
    answer = description(instance)
    if arguments.stats:
        answer["stats"] = _hardness(instance)
    if arguments.json:
        say_json(answer)
        return 0
    from optimizer.command_line.describing import description_parts

    show(description_parts(answer))
    return 0


def description(instance: Instance) -> dict[str, Any]:
    """The instance in figures, as ``--json`` prints them."""
    from optimizer.command_line.classes import latency_classes
    from optimizer.summary import counts, provenance_marks

    time = instance.time
    return {
        "name": instance.name,
        "title": instance.title,
        "description": instance.description,
        "fingerprint": instance.fingerprint,
        "currency": instance.currency,
        "timezone": instance.timezone,
        "counts": counts(instance),
        "horizon_hours": float(time.weighted_hours.sum()),
        "blocks": [
            {
                "name": name,
                "start": start,
                "periods": int((time.block == b).sum()),
                "weight": float(time.block_weight[b]),
                "kind": "cyclic" if time.block_cyclic[b] else "open",
            }
            for b, (name, start) in enumerate(zip(time.block_names, time.block_start, strict=True))
        ],
        "resources": _totals(instance),
        "latency_classes": latency_classes(instance.demands.max_latency_ms),
        "attributes": _attributes(instance),
        "provenance": provenance_marks(instance),
    }


def _totals(instance: Instance) -> list[dict[str, Any]]:
    """Demand of the fullest period against the capacity of what is or may be open, without and with modules."""
    import numpy as np

    from instances.instance import CLOSED

    demands, hubs = instance.demands, instance.hubs
    amount, possible = demands.amount, hubs.status != CLOSED
    own = hubs.capacity.dense(possible)
    modules = hubs.modules.capacity * (hubs.modules.max_count * possible[hubs.modules.hub])[:, None]
    rows = []
    for r, name in enumerate(instance.resources.names):
        scale, row = amount.scale[:, r], amount.row[:, r]
        varying = row >= 0
        by_row = np.bincount(row[varying], scale[varying], minlength=len(amount.table))
        total = scale[~varying].sum() + by_row @ amount.table  # (T,)
        capacity, built = own[:, r].sum(axis=0), float(modules[:, r].sum())
        t = int(np.argmax(total))
        rows.append(
            {
                "name": name,
                "unit": instance.resources.unit[r],
                "peak_demand": float(total[t]),
                "peak_period": t,
                "capacity": float(capacity[t]),
                "capacity_with_modules": float(capacity[t]) + built,
            }
        )
    return rows


def _attributes(instance: Instance) -> dict[str, int]:
    """How many demands, hubs and links have what makes a plan interesting."""
    import numpy as np

    from instances.instance import NONE, OPTIONAL

    demands, hubs, links = instance.demands, instance.hubs, instance.links
    return {
        "single demands": int(demands.single.sum()),
        "demands re-chosen per period": int(demands.per_period.sum()),
        "deferrable demands": int(demands.deferrable.sum()),
        "demands that may stay unserved": int((~np.isnan(demands.unserved_penalty_per_unit_h)).sum()),
        "demands kept together with others": int((demands.together >= 0).sum()),
        "demands kept apart from others": int((demands.apart >= 0).sum()),
        "demands with a migration cost": int((demands.migration_cost > 0).sum()),
        "protected demands": int((demands.protection != NONE).sum()),
        "optional hubs": int((hubs.status == OPTIONAL).sum()),
        "hubs with modules": len(np.unique(hubs.modules.hub)),
        "optional links": int((links.status == OPTIONAL).sum()),
        "links with modules": len(np.unique(links.modules.link)),
        "energy contracts": len(hubs.contracts.names),
        "batteries": len(hubs.batteries.hub),
    }


def _hardness(instance: Instance) -> list[dict[str, Any]]:
    """Figures of hardness: what shows at once, and at up to 2,000 demands what the relaxation shows."""
    from optimizer.hardness import hardness

    return [{"label": label, "value": value} for label, value in hardness(instance)]
