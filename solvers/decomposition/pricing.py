"""Prices and loads between the ties and the candidates' streams, and passes over demands on several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from solvers.decomposition import loops
from solvers.decomposition.compact import Compact
from solvers.model.options import Floats, Longs, Options

PARTS = 2  # of the demands, each with sums of its own: results do not depend on the number of threads


@dataclass(frozen=True)
class Soft:
    """value: money; loads: (ties,); spread: (ties,) most that a load can add to second derivatives; second: (r, r)
    derivatives of the loads by the rows of the items, negated, and raw: (r, r) about zero instead of the mean; None:
    not asked; live: demands with several live options that went into them."""

    value: float
    loads: Floats
    spread: Floats
    second: Floats | None
    raw: Floats | None
    live: int = 0


@dataclass
class Pricing:
    """Passes over the demands of compact arrays. threads: at most that many work at once."""

    options: Options
    threads: int = 1

    @cached_property
    def over(self) -> sp.csr_array:
        """(K, 2L) arcs of each candidate."""
        c = self.options.candidates
        return sp.csr_array((np.ones(len(c.arcs)), c.arcs, c.arc_start), shape=(len(c.hub), 2 * self.options.links))

    @cached_property
    def at_hub(self) -> sp.csr_array:
        """(K, H) hub of each candidate."""
        hub = self.options.candidates.hub
        return sp.csr_array((np.ones(len(hub)), hub, np.arange(len(hub) + 1)), shape=(len(hub), self.options.hubs))

    @cached_property
    def has_back(self) -> bool:
        return bool(self.options.traffic_back.scale.any())

    def worth(self, mu: Floats) -> tuple[Floats, Floats]:
        """(K, S, T) money per unit of each stream and (K,) per whole share, at prices mu (ties,) of the ties."""
        options, c = self.options, self.options.candidates
        on_load, on_traffic, on_hub, on_link = options.ties.split(mu)
        base = options.flow_price[:, None] * options.clock.weight
        worth = [-on_load[c.hub, r] for r in range(options.resources)]
        worth.append(base - self.over @ on_traffic)
        if self.has_back:
            swapped = on_traffic.reshape(-1, 2, options.periods)[:, ::-1].reshape(on_traffic.shape)
            worth.append(base - self.over @ swapped)
        once = -np.where(options.optional_hub[c.hub], on_hub[c.hub], 0.0) - options.optional_links @ on_link
        return np.ascontiguousarray(np.stack(worth, axis=1)), once

    def ties(self, loads: Floats, uses: Floats) -> Floats:
        """(ties,) what loads (K, S, T) and uses (K,) of the candidates come to."""
        options, c = self.options, self.options.candidates
        out = np.zeros(options.ties.count)
        at_hub, traffic, use_hub, use_link = options.ties.split(out)
        at_hub += (self.at_hub.T @ loads[:, : options.resources].reshape(len(loads), -1)).reshape(at_hub.shape)
        traffic += self.over.T @ loads[:, options.resources]
        if self.has_back:
            back = self.over.T @ loads[:, options.resources + 1]
            traffic += back.reshape(-1, 2, options.periods)[:, ::-1].reshape(traffic.shape)
        use_hub += self.at_hub.T @ np.where(options.optional_hub[c.hub], uses, 0.0)
        use_link += options.optional_links.T @ uses
        return out

    def soft(self, demands: Compact, mu: Floats, heat: Floats, items: Items | None, every: int = 1) -> Soft:
        """Soft minima of all demands with loads, and second derivatives by the rows of the items, estimated from every
        `every`-th demand."""
        worth, once = self.worth(mu)
        tables, chosen = worth.astype(np.float32), Items.none(len(once)) if items is None else items
        loads, spread = np.zeros((PARTS, *worth.shape)), np.zeros((PARTS, *worth.shape))
        uses, second = np.zeros((PARTS, len(once))), np.zeros((PARTS, 2, chosen.count, chosen.count))

        live, reads = [0] * PARTS, loops.Reads(chosen.start, chosen.row, chosen.stream, chosen.time, chosen.value)

        def part(i: int, first: int, last: int) -> float:
            d = demands
            total, live[i] = loops.soft(
                first, last, d.start, d.route, d.extra, d.vector, d.factor, d.slot, d.unserved, d.weight, heat, tables,
                once, loads[i], uses[i], spread[i], reads, second[i, 0], second[i, 1], every,
            )  # fmt: skip
            return float(total)

        value = self.parts(part, len(demands))
        found = self.ties(loads.sum(axis=0), uses.sum(axis=0))
        most = self.ties(spread.sum(axis=0), uses.sum(axis=0))
        if items is None:
            return Soft(value, found, most, None, None)
        centred, raw = (upper + np.triu(upper, 1).T for upper in second.sum(axis=0))
        return Soft(value, found, most, centred, raw, sum(live))

    def hard(self, demands: Compact, mu: Floats, vector: Any, factor: Any, price: Floats) -> tuple[float, Longs]:
        """Sum of the cheapest options and the position of each demand's among its own in `route`, -1: unserved.

        vector, factor: those of the demands, in the precision that is wanted; price: (P,) filled, or (0,).
        """
        worth, once = self.worth(mu)
        best = np.empty(len(demands), np.int64)

        def part(_: int, first: int, last: int) -> float:
            d = demands
            return loops.hard(
                first, last, d.start, d.route, d.extra, vector, factor, d.slot, d.unserved, d.weight, worth, once, best,
                price,
            )  # fmt: skip

        return self.parts(part, len(demands)), best

    def loads(self, demands: Compact, pick: Longs) -> Floats:
        """(ties,) what the picked options load; pick: (n,) positions in route, -1: none."""
        shape = (len(self.options.candidates.hub), demands.streams, self.options.periods)
        loads, uses = np.zeros(shape), np.zeros(shape[0])
        loops.load(pick, demands.route, demands.vector, demands.factor, demands.slot, demands.weight, loads, uses)
        return self.ties(loads, uses)

    def parts(self, part: Any, count: int) -> float:
        """Sum of part(i, first, last) over PARTS of the demands."""
        cuts = np.linspace(0, count, PARTS + 1).astype(int)
        spans = [(i, int(cuts[i]), int(cuts[i + 1])) for i in range(PARTS)]
        if self.threads == 1 or count < 20_000:
            return float(sum(part(*span) for span in spans))
        with ThreadPoolExecutor(self.threads) as pool:
            return float(sum(pool.map(lambda span: part(*span), spans)))


@dataclass(frozen=True)
class Items:
    """Which of `count` rows read what of each candidate: start (K+1,), and by item row, stream (-1: the share), time
    and value per unit."""

    count: int
    start: Longs
    row: Longs
    stream: Longs
    time: Longs
    value: Floats

    @classmethod
    def none(cls, candidates: int) -> Items:
        none = np.zeros(0, np.int64)
        return cls(0, np.zeros(candidates + 1, np.int64), none, none, none, np.zeros(0))

    @classmethod
    def of(cls, pricing: Pricing, reads: sp.csc_array) -> Items:
        """reads: (ties, r) derivatives of the ties' prices by those of the rows."""
        options, c = pricing.options, pricing.options.candidates
        H, R, T, ties = options.hubs, options.resources, options.periods, options.ties
        K = len(c.hub)
        entries = reads.tocoo()
        tie, row, value = entries.coords[0].astype(np.int64), entries.coords[1].astype(np.int64), entries.data
        on_load, on_arc = tie < ties.traffic_start, (tie >= ties.traffic_start) & (tie < ties.hub_start)
        on_use = ~on_load & ~on_arc & (tie < ties.link_start + options.links)
        # Places: hubs' resources, arcs, hubs and links in use; each entry belongs to one, each candidate has several.
        arcs, uses = H * R, H * R + 2 * options.links
        place = np.where(on_arc, arcs + (tie - ties.traffic_start) // T, uses + tie - ties.hub_start)
        place = np.where(on_load, tie // T, place)
        when = np.where(on_load, tie % T, np.where(on_arc, (tie - ties.traffic_start) % T, 0))
        kept = on_load | on_arc | on_use
        order = np.flatnonzero(kept)[np.argsort(place[kept], kind="stable")]
        first = np.searchsorted(place[order], np.arange(uses + H + options.links + 1))
        along, link = np.repeat(np.arange(K), np.diff(c.arc_start)), options.optional_links.tocoo()
        at_hub = np.flatnonzero(options.optional_hub[c.hub])
        parts = [(np.repeat(np.arange(K), R), (c.hub[:, None] * R + np.arange(R)).ravel(), np.tile(np.arange(R), K))]
        parts.append((along, arcs + c.arcs, np.full(len(along), R)))
        if pricing.has_back:
            parts.append((along, arcs + (c.arcs ^ 1), np.full(len(along), R + 1)))
        parts.append((at_hub, uses + c.hub[at_hub], np.full(len(at_hub), -1)))
        parts.append((link.coords[0], uses + H + link.coords[1], np.full(len(link.data), -1)))
        k, p, s = (np.concatenate([part[i] for part in parts]).astype(np.int64) for i in range(3))
        count = first[p + 1] - first[p]
        at = np.repeat(first[p] - (np.cumsum(count) - count), count) + np.arange(count.sum())
        k, s, entry = np.repeat(k, count), np.repeat(s, count), order[at]
        by = np.argsort(k, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(k, minlength=K))])
        row, when, value = row[entry][by], when[entry][by], np.ascontiguousarray(value[entry][by])
        return cls(reads.shape[1], start, row, s[by], when, value)
