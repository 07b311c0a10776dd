"""What a defect is: a name, what is wrong, where it was seen, and the semantics that have it."""

from collections.abc import Callable
from dataclasses import dataclass

from netlab.dataplane.semantics import Semantics

INVENTED = "invented"


@dataclass(frozen=True, slots=True)
class Defect:
    """A deliberate fault. `seen_in` names a case in a real CNI, or says that it is invented."""

    name: str
    summary: str
    seen_in: str
    semantics: type[Semantics]


_registered: list[Defect] = []


def defect(name: str, seen_in: str = INVENTED) -> Callable[[type[Semantics]], type[Semantics]]:
    """Register semantics as a defect; the first line of their docstring is the summary."""

    def register(semantics: type[Semantics]) -> type[Semantics]:
        summary = (semantics.__doc__ or "").partition("\n")[0]
        _registered.append(Defect(name, summary, seen_in, semantics))
        return semantics

    return register


def registered() -> tuple[Defect, ...]:
    """Return the defects registered so far, in that order."""
    return tuple(_registered)
