"""The calls of a batch on a Dask cluster, each in a supervised child of the worker that gets it.

Dask runs a call again where its worker is lost (up to its own setting `allowed-failures`, 3); the paths must mean the
same on every machine, and hubplan must be installed there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from optimizer.batching.crew import Answer, Crew, Given, GivenUp
from solvers.milp import Refused

CONNECT = "10s"


def on_cluster(
    address: str, calls: Sequence[tuple[Callable[[Given], Answer], Given]], given_up: GivenUp[Given, Answer]
) -> Iterator[Answer]:
    """What the calls give, as they end. address: `tcp://host:port`, or the path of a scheduler file.

    Raises Refused where Dask is not installed or there is no scheduler.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise Refused(f'--dask needs the package distributed (pip install "hubplan[dask]"): {error}') from error
    place = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        client = Client(**place, timeout=CONNECT, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise Refused(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        futures = {
            client.submit(served, call, given, given_up, pure=False, priority=-i): given
            for i, (call, given) in enumerate(calls)
        }
        for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
            lost = future.exception()
            if lost is None:
                yield future.result()
            else:
                yield given_up(futures[future], "CRASHED", f"lost by the cluster: {lost}", 0.0)
            future.release()


def served(call: Callable[[Given], Answer], given: Given, given_up: GivenUp[Given, Answer]) -> Answer:
    """The call, in a child of the thread of the Dask worker that runs it."""
    return _crew().answer(call, given, given_up)


@cache
def _crew() -> Crew:
    """That of a Dask worker's process; its children end with the process."""
    return Crew(1)
