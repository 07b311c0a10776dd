"""A check as one HTML page that needs nothing else, in a run's style.

All of it is text but for the picture, which the page's script draws when it is opened.
"""

from __future__ import annotations

from collections.abc import Iterator

from netproof.model.check import CheckRecord
from netproof.model.review import IntentResult
from netproof.report.account import of_check
from netproof.report.intents import basis_line, standing
from netproof.report.picture.scripts import (
    asset,
    in_script,
    picture_script,
    picture_style,
)
from netproof.report.review.sentences import (
    SHOWN,
    cause_lines,
    check_summary,
    judgements,
    left_out,
    note_lines,
    packets_sentence,
    said_of,
)
from netproof.report.run.page import page_style, picture_data
from netproof.report.text import printable
from netproof.report.webpage import template

_CLASSES = {"KEPT": "pass", "HOLDS": "quiet", "BROKEN": "fail", "UNKNOWN": "inconclusive"}


def render(record: CheckRecord) -> str:
    """Return the check as an HTML document."""
    check, account = printable(record), of_check(record)
    drawn = check.picture is not None
    page = template(
        "netproof.report.run",
        "check.html",
        script=f"{picture_script()}\n{asset('check.js')}" if drawn else "",
        style=f"{page_style()}\n{picture_style()}" if drawn else page_style(),
    )
    return page.render(
        check=check,
        word=account.word,
        reason=account.reason,
        summary=check_summary(check),
        intents=[
            (_CLASSES[standing(one)], standing(one), one, list(_why(one))) for one in check.intents
        ],
        packets=packets_sentence(check.packets) if check.packets else "",
        mutations=check.unnoticed,
        notes=list(note_lines(check.notes)),
        data=_data(check),
    )


def _data(check: CheckRecord) -> str:
    """Return what the picture is drawn from, "" where there is none."""
    if check.picture is None:
        return ""
    drawn = picture_data(check.picture, check.steps)
    return in_script(drawn | {"css": asset("picture.css")})


def _why(result: IntentResult) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of an intent, each with what it is."""
    if result.kept.holds:
        yield "rests on", basis_line(result)
        return
    yield "meant", result.reason
    for judgement, who in judgements(result):
        if judgement.text:
            yield "so", judgement.text
        for flow in judgement.broken[:SHOWN]:
            yield "flow", f"{flow.flow} {said_of(flow, who)}"
            yield from (("because", line) for line in cause_lines(flow.causes))
        if more := left_out(judgement):
            yield "more", more
