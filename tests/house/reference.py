"""docs/options.md: every command and option, as the parsers declare them.

`python -m tests.house.reference` writes the page. It reads what the parsers hold and not the help
that they print, whose form is another in each Python.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from netproof.front import options
from netproof.front.cli.main import parser as whole_parser
from netproof.report.markup import markdown_code, markdown_table
from tests.house.project import ROOT

PAGE = ROOT / "docs" / "options.md"

HEAD = """# Every option

`python -m tests.house.reference` writes this page from what the commands and the plugin declare,
and a test holds it. An option may be shortened as long as it stays one (`--kubec`). Errors of the
call end with exit code 2; what the others mean stands with [the suites](suites.md),
[bundles](bundles.md#exit-codes) and [clusters](existing-clusters.md).

"""

IN_PYTEST = """## pytest

The plugin is there in every project in which netproof is installed. Its options begin with `--np-`.

"""

HELP = "`-h, --help`"


def page() -> str:
    """Return the whole page."""
    parser = whole_parser([])
    told = [_command(name, asked, text) for name, asked, text in _commands(parser, "netproof")]
    return "\n".join([HEAD + _table(_rows(parser)), *told, IN_PYTEST + _table(_in_pytest())])


def _commands(
    parser: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """Yield every command that takes words of its own, with the line that tells what it is for."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            lines = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for word, asked in action.choices.items():
                inner = list(_commands(asked, f"{name} {word}"))
                yield from inner or [(f"{name} {word}", asked, lines.get(word, ""))]


def _command(name: str, parser: argparse.ArgumentParser, text: str) -> str:
    words = [_words(action) for action in parser._actions if not action.option_strings]
    call = " ".join([name, *words, "[OPTION ...]"])
    line = _told(text[:1].upper() + text[1:]).rstrip(".") + ("" if text.endswith("?") else ".")
    rows = [*_words_told(parser), *(row for row in _rows(parser) if row[0] != HELP)]
    return f"## {name}\n\n{line}\n\n```console\n$ {call}\n```\n\n{_table(rows)}"


def _words(action: argparse.Action) -> str:
    name = _value(action)
    return {"*": f"[{name} ...]", "+": f"{name} [{name} ...]", "?": f"[{name}]"}.get(
        str(action.nargs), name
    )


def _words_told(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, str]]:
    for action in parser._actions:
        if not action.option_strings and action.help:
            yield markdown_code(_value(action)), _told(action.help), ""


def _rows(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, str]]:
    for action in parser._actions:
        if action.option_strings and action.help is not argparse.SUPPRESS:
            names = ", ".join(action.option_strings)
            value = "" if action.nargs == 0 else f" {_value(action)}"
            needed = "needed" if action.required else _default(action)
            yield markdown_code(names + value), _told(_expanded(action)), needed


def _expanded(action: argparse.Action) -> str:
    return (action.help or "") % vars(action)


def _value(action: argparse.Action) -> str:
    """Return what stands for a value."""
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    return action.dest.removeprefix(options.PREFIX.replace("-", "_")).upper()


def _default(action: argparse.Action) -> str:
    """Return a default that the text does not tell; a folder is another on each machine."""
    value = action.default
    if "(default" in (action.help or ""):
        return ""
    if value in (None, "", False, argparse.SUPPRESS) or isinstance(value, list | tuple):
        return ""
    if isinstance(value, Path) and value.is_absolute():
        return "those that netproof brings"
    number = isinstance(value, float) and value.is_integer()
    return markdown_code(str(int(value) if isinstance(value, float) and number else value))


def _in_pytest() -> Iterator[tuple[str, str, str]]:
    """Yield the options as pytest knows them: by the same declarations, under longer names."""
    parser = argparse.ArgumentParser(add_help=False)
    options.declare(parser.add_argument, options.ALL, options.PREFIX)
    return _rows(parser)


_QUOTED = re.compile(r"(`[^`]*`)")


def _told(text: str) -> str:
    """Return a help text as Markdown: what is quoted stays, nothing else is a sign."""
    parts = _QUOTED.split(" ".join(text.split()))
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\*_<\[\]])", r"\\\1", part) for part in parts
    )


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    table = markdown_table([("option", "meaning", "default"), *rows])
    return f"{table}\n" if table.count("\n") > 1 else "It takes no options.\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
