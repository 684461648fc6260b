"""Groups of demands: `together` and `apart`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from instances.findings import Finding, each, error, warning
from instances.instance import Instance


def both(instance: Instance) -> Iterator[Finding]:
    """Two demands are together and apart."""
    demands = instance.demands
    some = np.flatnonzero((demands.together >= 0) & (demands.apart >= 0))
    key = demands.together[some].astype(np.int64) * (len(demands.apart_groups) + 1) + demands.apart[some]
    _, first, at = np.unique(key, return_index=True, return_inverse=True)
    earlier = some[first][at.reshape(-1)]

    def finding(k: int) -> Finding:
        d, other = some[k], demands.names[earlier[k]]
        group = demands.apart_groups[demands.apart[d]]
        return error(
            "contradiction", f"demands[{d}].apart", group, f"another group: the demand is together with {other!r} of it"
        )

    yield from each(earlier != some, finding)


def alone(instance: Instance) -> Iterator[Finding]:
    """A group has a single demand: a slip of the pen?"""
    demands = instance.demands
    for field, code, groups in (
        ("together", demands.together, demands.together_groups),
        ("apart", demands.apart, demands.apart_groups),
    ):
        if not groups:
            continue
        size = np.bincount(code[code >= 0], minlength=len(groups))
        single = np.flatnonzero((code >= 0) & (size[code] == 1))

        def finding(d: int, field=field, code=code, groups=groups) -> Finding:  # type: ignore[no-untyped-def]
            return warning("group-of-one", f"demands[{d}].{field}", groups[code[d]], "a group that two demands name")

        yield from each(single, finding)
