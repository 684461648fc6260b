"""Readers of public formats: ``READERS[format](text, name)`` gives the document of an ordinary instance.

Faults of a file raise InvalidInstance with the line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from instances.benchmarks.assignment import gap, orlib_cap, pmedian, sscflp
from instances.networks import graphml, node_link

READERS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "orlib-cap": orlib_cap,
    "sscflp": sscflp,
    "gap": gap,
    "pmedian": pmedian,
    "node-link": node_link,
    "graphml": graphml,
}
