"""What a listing amounts to: what orders the list, and whether a call could be missing, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.exotel.errors import ApiError, Cause
from exporter.exotel.listing.evidence import Evidence, arrival_rate
from exporter.exotel.listing.memory import Fact
from exporter.exotel.listing.order import Order, count_moved
from exporter.exotel.listing.pages import Ask
from exporter.exotel.listing.paginator import Paginator
from exporter.exotel.models import read_time

_SHARED = 0.25
"""The share of calls that two listings have in common, where the order of one tells of the other."""
_MOST_LOST = 0.05  # calls that both readings of a list may have lost, as far as one shows of the other
_WINDOW = 1000
"""Servers that search show so many rows, or a multiple, and no more; 1, 5 and 10 times it are common."""
_EDGE = 20  # calls at the end of a list, which don't all end within seconds


@dataclass(frozen=True, slots=True)
class OrderFinding:
    """What a listing showed of the order of its list."""

    order: Order | None  # none where it doesn't show
    places: Mapping[str, int] | None = None
    """The calls in the order of the list; None where start times prove more, or nothing is proven."""
    has_moved: bool = False  # whether calls were seen to change places
    lacks_requests: bool = False  # whether it should have been read twice, and the budget didn't allow that


def find_order(paginator: Paginator, evidence: Evidence) -> OrderFinding:
    """Find out what orders the rows; read the list again, backwards, where its calls change places or may."""
    memory, seams = evidence.memory, evidence.seams
    if seams.is_one_page:
        return OrderFinding(None)
    if not seams.has_order:
        return OrderFinding(Order.NONE)
    if seams.is_by_start:
        if memory.holds(Fact.DISTRUSTED) and seams.is_sealed:
            paginator.read_back()  # where the requests for it are left: the proof needs no second reading
        return OrderFinding(Order.START)
    return _find_kept_order(paginator, evidence)


def _find_kept_order(paginator: Paginator, evidence: Evidence) -> OrderFinding:
    memory, seams = evidence.memory, evidence.seams
    is_moving, is_distrusted = map(memory.holds, (Fact.MOVING, Fact.DISTRUSTED))
    has_moved = bool(seams.moved())
    if not seams.is_sealed:
        return OrderFinding(Order.MOVING if is_moving or has_moved else None, has_moved=has_moved)
    places, before = seams.places(), memory.places or {}
    is_known = len(before.keys() & places.keys()) >= max(1, _SHARED * min(len(before), len(places)))
    has_moved |= is_known and count_moved(before, places) > 0
    may_be_ties = seams.start_order.is_possible and seams.start_order.has_ties
    if is_known and not (has_moved or is_moving or is_distrusted or may_be_ties):
        return OrderFinding(Order.STABLE, places)
    if not paginator.read_back():
        order = Order.MOVING if has_moved or is_moving else None
        return OrderFinding(order, places, has_moved, lacks_requests=True)
    again = evidence.seams
    if not again.has_order:
        return OrderFinding(Order.NONE)
    has_moved |= bool(again.moved()) or count_moved(places, again.places()) > 0
    return OrderFinding(Order.MOVING if has_moved or is_moving else Order.STABLE, places, has_moved)


def why_incomplete(evidence: Evidence, finding: OrderFinding, needed: int) -> tuple[str | None, Cause | None]:
    """Return why a call that was alive throughout could be missing, and the cause; None where none can.

    `needed` are the requests that the listing takes.
    """
    return next(_reasons(evidence, finding, needed), (None, None))


def _reasons(evidence: Evidence, finding: OrderFinding, needed: int) -> Iterator[tuple[str, Cause | None]]:
    edge = evidence.edge
    if finding.order is Order.NONE:
        yield _disorder(evidence), Cause.ORDER
    if (refused := evidence.refused) and not evidence.is_whole and (edge or not evidence.seams.reached_end):
        yield _refused(evidence, *refused), Cause.WINDOW if edge else None
    if not evidence.is_sealed:
        yield _open(evidence), _why_open(evidence)
    if evidence.totals.low():
        yield "some pages report far fewer calls than the others", Cause.TOTAL
    if not evidence.matches_total:
        yield _missing(evidence), Cause.TOTAL
    if finding.lacks_requests:
        again = "calls change places in the list, or may, so it has to be read twice"
        yield f"{again}: that takes {needed} requests, and fewer are left", Cause.ORDER
    if _moves_too_fast(evidence):
        yield "calls change places in the list faster than it can be read twice", Cause.ORDER
    if _is_window(evidence):
        end = evidence.seams.end
        yield f"the list ends at exactly {end} calls: it may be cut off there", Cause.WINDOW


def _disorder(evidence: Evidence) -> str:
    if evidence.seams.is_by_start:
        return "calls that started at the same moment change places, and they fill whole pages"
    return "the list has no stable order: two pages show the same calls in different orders"


def _refused(evidence: Evidence, ask: Ask, error: ApiError) -> str:
    offset, limit = ask
    refused = f"the API refuses rows {offset} to {offset + limit} of its list (HTTP {error.effective_status})"
    calls = f"{evidence.unseen} of {evidence.totals.last} calls that it reports"
    return f"{refused}: {calls if evidence.unseen else 'calls there'} can't be listed"


def _open(evidence: Evidence) -> str:
    if evidence.was_cut and evidence.earlier:
        return "the list had to be read a second time, but the time or the requests for it ran out"
    if gaps := evidence.gaps:
        return f"calls could be missing between {gaps} {'pair' if gaps == 1 else 'pairs'} of pages"
    return _missing(evidence) if evidence.missing else "no page reached the end of the list"


def _missing(evidence: Evidence) -> str:
    return (
        f"{evidence.missing} of {evidence.totals.last} calls that the API reports are missing from its list"
    )


def _why_open(evidence: Evidence) -> Cause | None:
    """Return what is behind pages that don't join: a list that stands still can't be."""
    if evidence.was_cut:
        return Cause.TIME
    if not evidence.gaps and not evidence.matches_total:
        return Cause.TOTAL
    return {True: Cause.PAGES, False: Cause.MOVING, None: None}[evidence.totals.are_equal]


def _moves_too_fast(evidence: Evidence) -> bool:
    """Return whether calls change places so fast that some may be in neither of two readings.

    As many as the second one found that were there all the while, the first one had lost; a call is lost by
    both as chance has it.
    """
    if not evidence.earlier:
        return False
    seams, seconds = evidence.seams, evidence.totals.elapsed()
    calls, first = seams.by_sid.values(), evidence.earlier[-1].call_sids
    found = [call for call in calls if call.call_sid not in first]
    starts, newest = [read_time(call.start_time) for call in found], read_time(seams.newest_start)
    if newest is None or None in starts:
        lost = len(found) - (arrival_rate(calls) or 0.0) * seconds
    else:
        lost = sum(start is not None and start <= newest - seconds for start in starts)
    return max(0, lost) ** 2 > _MOST_LOST * len(seams.call_sids)


def ends_like_a_window(evidence: Evidence) -> bool:
    """Return whether a list ends where servers stop counting, by all that they told of it."""
    end, totals = evidence.seams.end, evidence.totals
    return end > 0 and end % _WINDOW == 0 and totals.are_equal is not False and totals.last in {None, end}


def _is_window(evidence: Evidence) -> bool:
    """Return whether a list that ends where servers stop counting may go on behind.

    Where windows are common that is so as long as nothing tells. What comes and goes tells: calls that come
    into a window had begun before it was last read, or those at its end are pushed out of it.
    """
    memory, end = evidence.memory, evidence.seams.end
    if not ends_like_a_window(evidence) or memory.end not in {None, end}:
        return False
    before = {call.call_sid for call in memory.rows}
    came = [call for sid, call in evidence.by_sid.items() if sid not in before] if before else []
    if not came:
        return str(end).rstrip("0") in {"1", "5"}
    since = memory.now - memory.listed_at
    has_old = any(call.duration is not None and call.duration > since for call in came)
    edge = {call.call_sid for call in memory.rows[-_EDGE:]}
    return has_old or not edge & evidence.seams.call_sids
