"""The plan in force on tonight's names: what was renamed, what is gone and what is new, each reported.

A demand or hub is taken for a renamed one if that is said, or if its old and its new name are the only ones left over
that are equal but for case, spaces and punctuation. Nothing else is guessed.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from instances.instance import Instance
from optimizer.incumbents import Given, named_rows, placed, read_incumbent
from optimizer.placements import InvalidPlacement
from optimizer.plan import Incumbent, Plan
from optimizer.plan_decisions import lookup

KINDS = ("demand", "hub")
Renames = Mapping[str, Mapping[str, str]]  # old name -> new name, by kind


@dataclass(frozen=True)
class Names:
    """What became of the names of one kind. new: for hubs those that nothing was placed at."""

    renamed: tuple[tuple[str, str], ...] = ()
    lost: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """What differs between the plan in force and the instance; notes: what else of the plan in force is not used."""

    demands: Names = field(default_factory=Names)
    hubs: Names = field(default_factory=Names)
    notes: tuple[str, ...] = ()

    def lines(self, most: int = 20) -> Iterator[str]:
        """Everything in the planner's words, at most so many names of a kind and fate."""
        for kind, names in (("demand", self.demands), ("hub", self.hubs)):
            told = {
                "renamed": [f"{kind} `{old}` is now `{new}`" for old, new in names.renamed],
                "lost": [f"{kind} `{name}` of the plan in force is gone" for name in names.lost],
                "new": [f"{kind} `{name}` was not in the plan in force" for name in names.new],
            }
            for fate, lines in told.items():
                yield from lines[:most]
                if len(lines) > most:
                    yield f"and {len(lines) - most} more {kind}s {fate}"
        yield from self.notes


def map_incumbent(instance: Instance, given: Given, renames: Renames | None = None) -> tuple[Incumbent, Changes]:
    """The table of the plan in force, and what changed since.

    given: as `read_incumbent` takes; renames: old to new names under `demand` and `hub`. Raises InvalidPlan, and
    InvalidPlacement as `read_incumbent` does and for renames to names that the instance does not have.
    """
    renames = renames or {}
    _require_known(instance, renames)
    if isinstance(given, (Plan, Incumbent)):
        return (table := read_incumbent(instance, given)[0]), _unnamed(instance, table)
    demand, hub, share, period = named_rows(given)
    demand, demands = _mapped(demand, instance.demands.names, renames.get("demand", {}))
    hub, hubs = _mapped(hub, instance.hubs.names, renames.get("hub", {}))
    table, notes = placed(instance, demand, hub, share, period)
    kept = tuple(note for note in notes if note.startswith("period"))  # names are told in full
    return table, Changes(demands, hubs, kept)


def _require_known(instance: Instance, renames: Renames) -> None:
    names = {"demand": instance.demands.names, "hub": instance.hubs.names}
    findings = [f"{kind!r} is no kind of name: {', '.join(KINDS)}" for kind in renames if kind not in names]
    for kind, known in names.items():
        given = renames.get(kind, {})
        findings += [f"{kind} `{new}`, the new name of `{old}`, is not in the instance"
                     for old, new in given.items() if new not in known]  # fmt: skip
        if len(set(given.values())) < len(given):
            findings.append(f"two {kind}s have the same new name")
    if findings:
        raise InvalidPlacement(findings)


def _unnamed(instance: Instance, table: Incumbent) -> Changes:
    """A table of this instance has no other names: only what it does not place is new."""
    placed_there = np.zeros(len(instance.demands), dtype=bool)
    placed_there[table.demand] = True
    names = instance.demands.names
    return Changes(Names(new=tuple(names[i] for i in np.flatnonzero(~placed_there).tolist())))


def _mapped(names: pa.ChunkedArray, known: Sequence[str], said: Mapping[str, str]) -> tuple[pa.ChunkedArray, Names]:
    """The column with new names for old ones, and what became of the names."""
    coded = names.combine_chunks().dictionary_encode()
    before = coded.dictionary
    place = lookup(pa.chunked_array([before]), known)
    fresh = np.ones(len(known), dtype=bool)
    fresh[place[place >= 0]] = False
    wanted = pa.array(list(said), pa.string())
    renamed = {old: said[old] for old in wanted.filter(pc.is_in(wanted, value_set=before)).to_pylist()}
    news = set(renamed.values())
    lost = [name for name in before.filter(pa.array(place < 0)).to_pylist() if name not in renamed]
    new = [name for i in np.flatnonzero(fresh).tolist() if (name := known[i]) not in news]
    alike = _alike(lost, new)
    taken = set(alike.values())
    fate = Names(
        tuple((renamed | alike).items()),
        tuple(name for name in lost if name not in alike),
        tuple(name for name in new if name not in taken),
    )
    if fate.renamed:
        old, now = (pa.array(side, pa.string()) for side in zip(*fate.renamed, strict=True))
        changed = now.take(pc.index_in(before, value_set=old))
        before = pc.coalesce(changed, before)
    return pa.chunked_array([before.take(coded.indices)]), fate


def _alike(lost: Iterable[str], fresh: Iterable[str]) -> dict[str, str]:
    """Pairs of a lost and a fresh name that are equal but for case, spaces and punctuation, and no others are."""
    groups: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, names in enumerate((lost, fresh)):
        for name in names:
            groups["".join(filter(str.isalnum, name.casefold()))][side].append(name)
    return {old[0]: new[0] for key, (old, new) in groups.items() if key and len(old) == len(new) == 1}


def read_renames(path: str | PathLike[str]) -> dict[str, dict[str, str]]:
    """A CSV file kind,old,new with the kinds demand and hub. Raises InvalidPlacement with every fault."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise InvalidPlacement([f"{path}: cannot be read: {reason}"]) from None
    try:
        rows = list(csv.reader(lines))
    except csv.Error as error:
        raise InvalidPlacement([f"{path}: {error}"]) from None
    if not rows or rows[0] != ["kind", "old", "new"]:
        raise InvalidPlacement([f"{path}: expected the columns kind,old,new"])
    found: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    findings = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 3 or row[0] not in KINDS or not row[1] or not row[2]:
            findings.append(f"{path}:{number}: expected demand or hub, the old name and the new one")
        elif row[1] in found[row[0]]:
            findings.append(f"{path}:{number}: {row[0]} `{row[1]}` is renamed twice")
        else:
            found[row[0]][row[1]] = row[2]
    if findings:
        raise InvalidPlacement(findings)
    return found
