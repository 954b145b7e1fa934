"""How long pages get, and what becomes of a limit that asks for longer ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.doctor.facts import LargerLimit
from exporter.doctor.inquiry import Answer, Inquiry, Told

SMALL, COMMON, LARGE = 3, 100, 1_000
_CANDIDATES = (20, 50, 100, 200, 500)  # where servers draw the line
_BISECTION = 25  # requests that must be left for what matters more


@dataclass(frozen=True, slots=True)
class Limits:
    """What limits do: `rows` is the longest page that came, `accepted` the largest limit that isn't refused.

    `ask` is the limit by which the list takes the fewest pages.
    """

    rows: int | None
    accepted: int | None
    larger: Told[LargerLimit]
    ask: int


def measure_limits(inquiry: Inquiry) -> Limits:
    """Return what limits do; asks a handful of questions."""
    answers = inquiry.pages([(SMALL, 0), (COMMON, 0), (LARGE, 0)])
    if any(answer.is_refusal for answer in answers) and any(answer.is_page for answer in answers):
        answers += _close_in(inquiry, answers)
    longest = max((answer for answer in answers if answer.is_page), key=lambda each: each.rows, default=None)
    beyond = None
    if longest is not None and longest.rows:
        beyond = inquiry.page(SMALL, longest.rows)
    return judge_limits(answers, beyond)


def judge_limits(answers: Sequence[Answer], beyond: Answer | None) -> Limits:
    """Return what first pages by limit tell; `beyond` is the page behind the longest of them."""
    pages = {answer.limit: answer for answer in answers if answer.is_page}
    if not pages:
        return Limits(None, None, Told(None, "no page was answered"), COMMON)
    refused = {answer.limit: answer for answer in answers if answer.is_refusal}
    longest = max(pages.values(), key=lambda answer: answer.rows)
    accepted = max((limit for limit in pages if limit < min(refused, default=LARGE + 1)), default=None)
    if refused and accepted is not None:
        refusal = refused[min(refused)]
        evidence = f"limit={accepted} is accepted, limit={refusal.limit} gets status {refusal.status}"
        return Limits(longest.rows or None, accepted, Told(refusal.status, evidence), accepted)
    if not longest.rows:
        return Limits(None, None, Told(None, "the account had no calls to fill a page with"), LARGE)
    return _judge_sizes(pages, longest, beyond)


def _judge_sizes(pages: Mapping[int, Answer], longest: Answer, beyond: Answer | None) -> Limits:
    """Return what pages by limit tell where none was refused."""
    rows = longest.rows
    seen = ", ".join(f"limit={limit}: {pages[limit].rows}" for limit in sorted(pages))
    has_more = _has_more(longest, beyond)
    if SMALL in pages and pages[SMALL].rows > SMALL:
        return _ignored(longest, beyond, has_more=has_more, seen=f"rows by {seen}")
    larger = pages.get(LARGE)
    if larger is None:
        return Limits(rows, None, Told(None, f"limit={LARGE} was not answered"), COMMON)
    if larger.rows < rows or (has_more and larger.rows < LARGE):
        return Limits(rows, rows, Told("cut", f"rows by {seen}, and the list has more"), rows)
    if larger.rows > COMMON:
        return Limits(rows, LARGE, Told("honoured", f"rows by {seen}"), LARGE)
    return Limits(rows, None, Told(None, f"{rows} calls are too few: no page can show it"), LARGE)


def _ignored(longest: Answer, beyond: Answer | None, *, has_more: bool | None, seen: str) -> Limits:
    """Return what a server does that sends more rows than were asked for."""
    rows = longest.rows
    is_repeated = beyond is not None and beyond.rows == rows
    is_whole = is_repeated and (longest.total == rows or rows not in {10, *_CANDIDATES}) and not has_more
    if is_whole:
        ask = max(LARGE, 2 * rows)  # a page of fewer rows is the last one
        return Limits(rows, ask, Told("whole list", seen), ask)
    return Limits(rows, rows, Told("ignored", seen), rows)


def _has_more(longest: Answer, beyond: Answer | None) -> bool | None:
    """Return whether the list has more rows than its longest page; None where neither way tells."""
    if longest.total is not None and longest.total > longest.rows + 2:
        return True
    if beyond is None or beyond.has_failed:
        return None
    return bool(set(beyond.call_sids) - set(longest.call_sids)) and beyond.rows > 0


def _close_in(inquiry: Inquiry, answers: Sequence[Answer]) -> list[Answer]:
    """Return answers to limits around the largest that is accepted: usual ones first, then by halves."""
    found = list(answers)
    least, most = _bracket(found)
    usual = [limit for each in _CANDIDATES for limit in (each, each + 1) if least < limit < most]
    found += inquiry.pages([(limit, 0) for limit in usual][: inquiry.left])
    least, most = _bracket(found)
    while most - least > 1 and inquiry.left > _BISECTION:
        answer = inquiry.page((least + most) // 2)
        if answer.has_failed:
            break
        found.append(answer)
        least, most = _bracket(found)
    return found[len(answers) :]


def _bracket(answers: Sequence[Answer]) -> tuple[int, int]:
    """Return the largest limit below all that were refused, and the least that was refused."""
    most = min((answer.limit for answer in answers if answer.is_refusal), default=LARGE + 1)
    least = max((answer.limit for answer in answers if answer.is_page and answer.limit < most), default=0)
    return least, most
