"""Migration: how much may move against the plan in force. What moves is measured by the tie `move`."""

from __future__ import annotations

import numpy as np

from solvers.model.limits import limit_rows
from solvers.model.site import SiteBlock, SiteData


def add(block: SiteBlock, data: SiteData) -> None:
    """move_limit: sum of moved fractions <= the limit, where there is a plan in force."""
    if not data.ties.moves:
        return
    move = np.array([data.ties.move])
    block.measure("moves", move, 1.0)
    if np.isfinite(data.move_limit):
        row = limit_rows(block, "move_limit", (np.zeros(1, int),), data.move_limit, data.move_limit_price)
        block.put(row, move, 1.0)
