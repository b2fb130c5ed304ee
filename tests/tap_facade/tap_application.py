"""As much of a TAP service as its validators and clients want: queries of one small table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from hven.declare import Output, Param, application
from hven.engine import Run
from hven.errors import Fault, InputError

TABLE = "stars"
#: Name, type, unit, UCD, what it is.
COLUMNS = (
    ("id", "long", "", "meta.id;meta.main", "Number"),
    ("ra", "double", "deg", "pos.eq.ra;meta.main", "Right ascension"),
    ("dec", "double", "deg", "pos.eq.dec;meta.main", "Declination"),
)
ROWS = [(number, 10.0 + number, -20.0 + number / 2) for number in range(20)]
_QUERY = re.compile(
    r"\s*SELECT\s+(?:TOP\s+(?P<top>\d+)\s+)?(?P<columns>[\w*,.\s\"]+?)\s+FROM\s+\"?stars\"?\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Rows:
    """What was selected."""

    table: Annotated[Path, Output("Selected rows", media_type="application/x-votable+xml")]


@application("tap", title="Table access")
def tap(
    run: Run,
    query: Annotated[str, Param("What is selected, in ADQL")],
    request: Annotated[Literal["doQuery"], Param("What is wanted")] = "doQuery",
    lang: Annotated[str, Param("The query's language")] = "ADQL",
    format: Annotated[str, Param("What is given")] = "votable",
    responseformat: Annotated[str, Param("What is given")] = "votable",
    version: Annotated[str | None, Param("Of the standard")] = None,
    maxrec: Annotated[int | None, Param("Most rows", low=0)] = None,
    tapclient: Annotated[str | None, Param("Who asks")] = None,
) -> Rows:
    """Select rows of a table."""
    found = _QUERY.fullmatch(query)
    if found is None:
        raise InputError([Fault("query", f"must select columns of {TABLE}, got '{query}'")])
    words = [word.strip().strip('"').rpartition(".")[2] for word in found["columns"].split(",")]
    names = [column[0] for column in COLUMNS]
    chosen = names if words == ["*"] else [word.lower() for word in words]
    top = int(found["top"]) if found["top"] else len(ROWS)
    most = len(ROWS) if maxrec is None else maxrec
    path = run.folder / "rows.xml"
    path.write_text(_votable(chosen, names, min(top, most)))
    return Rows(path)


def _votable(chosen: list[str], names: list[str], number: int) -> str:
    fields = "".join(
        f'<FIELD name="{name}" datatype="{kind}" unit="{unit}" ucd="{ucd}"/>'
        for name, kind, unit, ucd, _ in sorted(
            (column for column in COLUMNS if column[0] in chosen),
            key=lambda column: chosen.index(column[0]),
        )
    )
    rows = "".join(
        "<TR>" + "".join(f"<TD>{row[names.index(name)]}</TD>" for name in chosen) + "</TR>"
        for row in ROWS[:number]
    )
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>'
        f"<TABLE>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
