"""The bundled instances and the scripts that build them from committed fact tables.

``python -m instances.library`` writes ``data/`` anew, byte for byte the same. Facts lie in ``facts/*.csv``, every
estimate in ``estimates.py``; ``east_west.py`` wires the East-West instances, ``teaching.py`` holds the small ones.
"""

from __future__ import annotations

from typing import Any


def documents() -> dict[str, dict[str, Any]]:
    """Every bundled instance as a document, by the name of its file in ``data/``; the large ones are gzipped."""
    from instances.library import east_west, east_west_full, teaching

    large = {f"{d['name']}.json.gz": d for d in (*east_west.documents(), east_west_full.full())}
    return large | {f"{d['name']}.json": d for d in teaching.documents()}
