"""What holds for every report that is written to a file."""

import subprocess
import sys

import pytest

from netproof.model import codec
from netproof.model.record import RunRecord
from netproof.report.writers import CHECK_WRITERS, WRITERS, Writer
from tests.unit.report.review.test_hostile import CHECK
from tests.unit.report.sample import EVERYTHING

each = pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)


@each
def test_the_same_record_gives_the_same_bytes(writer: Writer[RunRecord]) -> None:
    """A record that has been away and back is the same record."""
    away = codec.loads(codec.dumps(EVERYTHING))
    assert writer.render(EVERYTHING) == writer.render(away)


@each
def test_a_report_is_a_text_file(writer: Writer[RunRecord]) -> None:
    """It ends with a newline and has no control characters."""
    told = writer.render(EVERYTHING)
    assert told.endswith("\n")
    assert told.replace("\n", "").isprintable()


def test_every_report_has_a_file_of_its_own() -> None:
    """Two reports in a directory do not overwrite each other."""
    for writers in (WRITERS, CHECK_WRITERS):
        assert len(writers) == len({writer.file_name for writer in writers.values()})


@pytest.mark.parametrize("name", CHECK_WRITERS)
def test_so_is_a_report_of_a_check(name: str) -> None:
    """It ends with a newline and has no control characters."""
    told = CHECK_WRITERS[name].render(CHECK)
    assert told.endswith("\n")
    assert told.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "module", ["netproof.report.writers", "netproof.report.sarif", "netproof.model.codec"]
)
def test_who_writes_no_page_loads_no_templates(module: str) -> None:
    """A front door imports the writers that it needs, and no more."""
    program = f"import sys, {module}; print('jinja2' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "False\n" == done.stdout
