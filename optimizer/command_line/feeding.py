"""``hubplan feed``: an instance with prices, carbon factors and other series from the files of other systems."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.command_line.arguments import (
    Commands,
    Usage,
    add_command,
    add_instance,
    check_output,
    open_given,
    path,
    positive,
)

if TYPE_CHECKING:
    from instances.feeds import Fed, Feed, Fill

KINDS = {
    "price": "energy price of hubs",
    "carbon": "average carbon factor of hubs",
    "marginal": "marginal carbon factor of hubs",
    "onsite": "on-site power of hubs",
    "profile": "profiles",
}


def add(commands: Commands) -> None:
    parser = add_command(commands, "feed", "Fills an instance with series from the files of other systems.", run)
    add_instance(parser)
    for kind, words in KINDS.items():
        parser.add_argument(
            f"--{kind}", action="append", default=[], type=path, metavar="FILE[:LAYOUT[:UNIT]]", help=words
        )
    text = "the zone of the files that a hub (or profile) takes, `*` for all hubs; or a CSV file with columns name,zone"
    parser.add_argument("--map", action="append", default=[], metavar="HUB=ZONE|CSV", help=text)
    text = "money of the instance for one unit of a foreign currency, such as USD=0.92"
    parser.add_argument("--rate", action="append", default=[], type=rate, metavar="CUR=X", help=text)
    text = "read the files at this time and let the block start then (ISO 8601 with UTC offset)"
    parser.add_argument("--start", action="append", default=[], metavar="[BLOCK=]TIME", help=text)
    parser.add_argument("--timezone", metavar="TZ", help="IANA name of the time zone of times without offset")
    text = "fill gaps: the value before, between its neighbours, or 24 hours before (otherwise they are errors)"
    parser.add_argument("--fill", choices=("hold", "linear", "day"), help=text)
    parser.add_argument("--fill-hours", type=positive, metavar="H", help="longest gap that is filled (6)")
    parser.add_argument("-o", "--output", type=path, required=True, metavar="NEW", help="x.json, x.json.gz or a folder")


def rate(text: str) -> tuple[str, float]:
    """CUR=X with X above 0."""
    currency, sign, value = text.partition("=")
    if not sign or not currency:
        raise argparse.ArgumentTypeError(f"{text} is not CUR=X")
    return currency.upper(), positive(value)


def run(arguments: argparse.Namespace) -> int:
    """0 if the new instance is written."""
    given = [(kind, *_parts(text)) for kind in KINDS for text in getattr(arguments, kind)]
    if not given:
        raise Usage("no file is given: " + ", ".join(f"--{kind}" for kind in KINDS))
    check_output(arguments.output, [arguments.instance, *(file for _, file, *_ in given)], main="instance.json")
    from instances import write
    from instances.feeds import apply_feeds

    fill = _fill(arguments)
    instance = open_given(arguments)
    feeds = _read(given, arguments.timezone)
    starts = dict(_start(text, instance.time.block_names) for text in arguments.start)
    zones = [pair for text in arguments.map for pair in _pairs(text)]
    fed = apply_feeds(instance, feeds, zones, rates=dict(arguments.rate), fill=fill, starts=starts)
    write(fed.instance, arguments.output)
    _show(fed, arguments.output, arguments.json)
    return 0


def _parts(text: str) -> tuple[str, str | None, str | None]:
    """File, layout and unit of FILE[:LAYOUT[:UNIT]]; a file of exactly that name goes first."""
    from instances.feeds import READERS

    if not Path(text).exists():
        for count in (2, 1):
            file, *rest = text.rsplit(":", count)
            if len(rest) == count and rest[0] in READERS:
                return file, rest[0], rest[1] if count == 2 else None
    return text, None, None


def _read(given: list[tuple[str, str, str | None, str | None]], timezone: str | None) -> list[tuple[str, Feed]]:
    """The feeds. Raises InvalidInstance with what is wrong in all files."""
    from instances.feeds import read_feed
    from instances.findings import InvalidInstance

    feeds, findings = [], []
    for kind, file, layout, unit in given:
        try:
            feeds.append((kind, read_feed(file, layout, unit=unit, timezone=timezone)))
        except InvalidInstance as invalid:
            findings += invalid.findings
    if findings:
        raise InvalidInstance(findings)
    return feeds


def _fill(arguments: argparse.Namespace) -> Fill | None:
    from instances.feeds import Fill

    if arguments.fill is None:
        if arguments.fill_hours is not None:
            raise Usage("--fill-hours needs --fill")
        return None
    return Fill(arguments.fill, arguments.fill_hours or 6.0)


def _start(text: str, blocks: Sequence[str]) -> tuple[str, str]:
    block, sign, time = text.rpartition("=")
    if not sign:
        if len(blocks) != 1:
            raise Usage(f"--start needs the block's name, BLOCK=TIME: the instance has {', '.join(list(blocks)[:10])}")
        block = blocks[0]
    return block, time


def _pairs(text: str) -> list[tuple[str, str]]:
    """HUB=ZONE, or the rows of a CSV file with the columns name and zone."""
    name, sign, zone = text.partition("=")
    if sign and not Path(text).exists():
        return [(name, zone)]
    from instances.files import read_bytes

    try:
        rows = list(csv.DictReader(read_bytes(Path(text)).decode("utf-8-sig").splitlines()))
        return [(row["name"].strip(), row["zone"].strip()) for row in rows]
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError):
        raise Usage(f"--map: {text} is neither HUB=ZONE nor a CSV file with the columns name and zone") from None


def _show(fed: Fed, output: str, json: bool) -> None:
    from optimizer.command_line.layout import cells, table
    from optimizer.command_line.output import complain, plain, say_json, show

    if json:
        findings = [asdict(finding) for finding in fed.findings]
        series = [asdict(one) for one in fed.written]
        say_json({"output": output, "fingerprint": fed.instance.fingerprint, "series": series, "findings": findings})
        return
    for finding in fed.findings:
        complain(plain(str(finding)))
    made = table(f"Series of {plain(output)}", "field", "of", "zone", "file", "least", "mean", "most", left=4)
    for one in fed.written:
        numbers = (f"{value:.4g}" for value in (one.least, one.mean, one.most))
        made.add_row(*cells(one.field, plain(one.name), plain(one.zone), plain(one.feed), *numbers))
    notes = dict.fromkeys(f"{one.feed}, {one.zone}: {one.note}" for one in fed.written)
    show([made, *(plain(note) for note in notes)])
