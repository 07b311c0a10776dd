"""The page's section on the ways around policies."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from netproof.model.doors import DoorState
from netproof.model.record import RunRecord
from netproof.report import doors

_CLASSES = {
    str(DoorState.OPEN): "door-open",
    str(DoorState.CLOSED): "door-closed",
    str(DoorState.UNDETERMINED): "door-untold",
}


def add(body: ET.Element, run: RunRecord) -> None:
    """Add the section where doors were tried."""
    every = doors.told(run)
    if not every:
        return
    _child(body, "h2", doors.TITLE)
    _child(body, "p", doors.LEAD, "soft")
    table = _child(_child(body, "div", "", "sheet"), "table", "", "overview doors")
    heads = _child(_child(table, "thead"), "tr")
    for head in doors.HEADS:
        _child(heads, "th", head).set("scope", "col")
    rows = _child(table, "tbody")
    for row in (row for door in every for row in door.rows):
        line = _child(rows, "tr")
        for cell in row:
            _child(line, "td", cell, _CLASSES.get(cell, ""))
    _child(body, "p", doors.summary(run))
    for door in every:
        _door(body, door)


def _door(body: ET.Element, one: doors.DoorTold) -> None:
    section = _child(body, "details", "", "step")
    _child(section, "summary", str(one.door))
    story = _child(_child(section, "div", "", "finding door"), "dl")
    told = [("guarded by", one.guard), ("instead", one.instead)]
    told += [("key", key) for key in one.keys] + [("seen", seen) for seen in one.evidence]
    for label, text in told:
        _child(story, "dt", label)
        _child(story, "dd", text)


def _child(parent: ET.Element, tag: str, text: str = "", kind: str = "") -> ET.Element:
    made = ET.SubElement(parent, tag, {"class": kind} if kind else {})
    made.text = text
    return made
