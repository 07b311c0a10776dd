"""Dataplanes and defects by name."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from netlab.dataplane.defects import ALL
from netlab.dataplane.defects.defect import Defect
from netlab.dataplane.options import Options
from netlab.dataplane.planes import Dataplane, Enforcing, Flat
from netlab.dataplane.semantics import Semantics

DEFECTS: Mapping[str, Defect] = MappingProxyType({defect.name: defect for defect in ALL})


class UnknownNameError(ValueError):
    """There is no such dataplane or defect; the message lists those there are."""


def _enforcing(defects: Sequence[Defect], options: Options) -> Dataplane:
    # Several defects at once: each overrides its own decisions and hands on the others.
    classes = tuple(dict.fromkeys(defect.semantics for defect in defects))
    semantics = type("Semantics", (*classes, Semantics), {})
    return Enforcing(semantics(), options)


def _flat(defects: Sequence[Defect], options: Options) -> Dataplane:
    del defects, options  # there is nothing to get wrong
    return Flat()


_Maker = Callable[[Sequence[Defect], Options], Dataplane]
PLANES: Mapping[str, _Maker] = MappingProxyType({"enforcing": _enforcing, "flat": _flat})


def dataplane(name: str, defects: Sequence[str], options: Options | None = None) -> Dataplane:
    """Make a dataplane by name, with defects by name; raise UnknownNameError."""
    make = PLANES.get(name)
    if make is None:
        raise UnknownNameError(f"unknown dataplane {name!r}; there are: {', '.join(PLANES)}")
    for defect in defects:
        if defect not in DEFECTS:
            raise UnknownNameError(f"unknown defect {defect!r}; there are: {', '.join(DEFECTS)}")
    return make([DEFECTS[defect] for defect in defects], options or Options())
