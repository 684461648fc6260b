"""Names: unique, distinguishable, harmless to print."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from instances.findings import Finding, Said, each, error
from instances.instance import Instance

# Control characters (with line separators), lone surrogates, and characters that reorder or hide text
HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def _tables(instance: Instance) -> Iterator[tuple[str, Sequence[str]]]:
    yield "blocks", instance.time.block_names
    yield "resources", instance.resources.names
    yield "nodes", instance.nodes.names
    yield "links", instance.links.names
    yield "hubs", instance.hubs.names
    yield "demands", instance.demands.names


def _inner_tables(instance: Instance) -> Iterator[tuple[str, list[str]]]:
    """Names that are unique inside their hub or link only."""
    for table, field, owners, names in (
        ("links", "modules", instance.links.modules.link, instance.links.modules.names),
        ("hubs", "modules", instance.hubs.modules.hub, instance.hubs.modules.names),
        ("hubs", "contracts", instance.hubs.contracts.hub, instance.hubs.contracts.names),
    ):
        by_owner: dict[int, list[str]] = {}
        for owner, name in zip(owners.tolist(), names, strict=True):
            by_owner.setdefault(owner, []).append(name)
        for owner, inner in by_owner.items():
            yield f"{table}[{owner}].{field}", inner


def _repeats(keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Positions of repeated keys, each with the position of the first."""
    if len(set(keys)) == len(keys):
        return
    first: dict[str, int] = {}
    for i, key in enumerate(keys):
        before = first.setdefault(key, i)
        if before != i:
            yield i, before


def twice(instance: Instance) -> Iterator[Finding]:
    """A name stands twice in one table."""
    for table, names in (*_tables(instance), *_inner_tables(instance)):
        found = dict(_repeats(names))
        hint = "parallel links need a `name` each" if table == "links" else ""

        def finding(i: int, table: str = table, names: Sequence[str] = names, hint: str = hint) -> Finding:
            return error("duplicate-name", f"{table}[{i}].name", names[i], "a name used once in its table", hint)

        yield from each(np.array(list(found), dtype=np.int64), finding)


def _folded(names: Sequence[str]) -> Sequence[str]:
    """Names as they are compared for likeness: Unicode NFKC, then case folded."""
    joined = "\n".join(names)
    folded = unicodedata.normalize("NFKC", joined).casefold().split("\n")
    if len(folded) == len(names):
        return folded
    return [unicodedata.normalize("NFKC", name).casefold() for name in names]  # a name holds a line break


def alike(instance: Instance) -> Iterator[Finding]:
    """Two names of one table differ in case or Unicode form only."""
    for table, names in _tables(instance):
        found = {i: j for i, j in _repeats(_folded(names)) if names[i] != names[j]} if len(names) else {}

        def finding(i: int, table: str = table, names: Sequence[str] = names, found: dict[int, int] = found) -> Finding:
            other = f"a name that differs from {names[found[i]]!r} in more than case or Unicode form"
            return error("similar-name", f"{table}[{i}].name", names[i], other)

        yield from each(np.array(list(found), dtype=np.int64), finding)


def characters(instance: Instance) -> Iterator[Finding]:
    """A name (or tag, or profile, or the currency) holds control, invisible or bidi characters."""
    hubs, demands = instance.hubs, instance.demands
    single = (("name", [instance.name]), ("currency", [instance.currency]), ("profiles", instance.profiles))
    tags = (("hubs", hubs.tags), ("demands", demands.tags))
    groups = [(f"{table}[{{}}].name", names) for table, names in _tables(instance)]
    groups += [(f"{path}[{{}}].name", names) for path, names in _inner_tables(instance)]
    groups += [(path, names) for path, names in single]
    groups += [("demands[*].together", demands.together_groups), ("demands[*].apart", demands.apart_groups)]
    groups += [(f"{table}[*].tags", sorted({tag for row in set(rows) for tag in row})) for table, rows in tags]
    for path, names in groups:
        if HARMFUL.search("".join(names)):
            yield from _harmful(path, names)


def _harmful(path: str, names: Sequence[str]) -> Iterator[Finding]:
    bad = np.array([bool(HARMFUL.search(name)) for name in names])
    expected = "text without control, invisible or bidi characters"
    yield from each(bad, lambda i: error("name-characters", path.format(i), names[i], expected))


def reserved(instance: Instance) -> Iterator[Finding]:
    """A resource ends in ``:profile``, which the tables of a folder use themselves; a name is blank."""
    for i, name in enumerate(instance.resources.names):
        if name.endswith(":profile"):
            yield error("reserved-name", f"resources[{i}].name", name, "a name that does not end in `:profile`")
    if not instance.name.strip():
        yield error("name-characters", "name", Said("only blanks"), "a visible name")
