"""Series of items that are made at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from queue import Queue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")


def side_by_side(series: Sequence[Iterator[Item]]) -> Iterator[Item]:
    """The items of several series, each drawn in a thread of its own, as they come."""
    items: Queue[tuple[Item] | BaseException | None] = Queue()

    def draw(one: Iterator[Item]) -> None:
        try:
            for item in one:
                items.put((item,))
            items.put(None)
        except BaseException as error:
            items.put(error)

    for one in series:
        Thread(target=draw, args=(one,), daemon=True).start()
    left = len(series)
    while left:
        item = items.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            left -= 1
        else:
            yield item[0]
