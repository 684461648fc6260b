"""Which zone of a feed goes to which hub or profile."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from instances.feeds.feed import Feed
from instances.findings import Finding, Said, error, warning
from instances.instance import Instance

ALL = "*"


@dataclass(frozen=True)
class Link:
    """target: position of the hub or profile; zone: position in the feed."""

    target: int
    zone: int


def links(
    instance: Instance, feeds: Sequence[tuple[str, Feed]], zones: Sequence[tuple[str, str]]
) -> tuple[list[list[Link]], list[Finding]]:
    """For each feed the hubs or profiles that it feeds, and what is wrong with the pairs."""
    findings = _unknown(instance, feeds, zones)
    return [_of(instance, kind, feed, zones, findings) for kind, feed in feeds], findings


def _of(
    instance: Instance, kind: str, feed: Feed, zones: Sequence[tuple[str, str]], findings: list[Finding]
) -> list[Link]:
    names = instance.profiles if kind == "profile" else instance.hubs.names
    what = "profile" if kind == "profile" else "hub"
    found: list[Link] = []
    rest: list[str] = []
    for i, name in enumerate(names):
        own = [zone for one, zone in zones if one == name and zone in feed.zones]
        own = own or [zone for one, zone in zones if one == ALL and kind != "profile" and zone in feed.zones]
        own = list(dict.fromkeys(own or [name] * (name in feed.zones)))
        if len(own) > 1:
            words = Said(f"zones {' and '.join(own)} of {feed.name} for {what} {name}")
            findings.append(error("contradiction", "map", words, "one zone of a feed"))
        elif own:
            found.append(Link(i, feed.zones.index(own[0])))
        else:
            rest.append(name)
    if not found:
        words = Said(f"no {what} for any zone of {feed.name}")
        hint = f"the file has {', '.join(feed.zones[:8])}; --map HUB=ZONE"
        findings.append(error("no-zone", "map", words, f"a {what} that takes one of its zones", hint))
    elif rest and what == "hub":
        listed = ", ".join(rest[:5]) + (f" and {len(rest) - 5} more" if len(rest) > 5 else "")
        words = Said(f"no zone of {feed.name} for {listed}")
        findings.append(warning("kept", f"hubs[*].{kind}", words, "a zone for every hub", "they keep what they have"))
    return found


def _unknown(instance: Instance, feeds: Sequence[tuple[str, Feed]], zones: Sequence[tuple[str, str]]) -> list[Finding]:
    """Pairs whose hub or zone does not exist."""
    targets = {*instance.hubs.names, *instance.profiles, ALL}
    known = {zone for _, feed in feeds for zone in feed.zones}
    findings = []
    for name, zone in dict.fromkeys(zones):
        for what, text, all_ in (("hub", name, targets), ("zone", zone, known)):
            if text not in all_:
                close = difflib.get_close_matches(text, sorted(all_)[:5000], 1, 0.6)
                hint = f"did you mean `{close[0]}`?" if close else ""
                findings.append(error(f"unknown-{what}", f"map {name}={zone}", text, f"the name of a {what}", hint))
    return findings
