"""What a notebook shows of jobs and their files. Everything from the service is escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hven.progress.sizes import size_words

if TYPE_CHECKING:
    from hven.client.results import RemoteFile, Results

#: Notebooks are light or dark: only these colours are our own, and both can be read on either.
_COLOURS = {"COMPLETED": "#2e8b57", "ERROR": "#d0453b", "ABORTED": "#d0453b", "HELD": "#b8860b"}
_CELL = "text-align:left;padding:2px 12px 2px 0"


def job_card(
    document: Mapping[str, Any], results: Results, title: str, preview: bytes | None
) -> str:
    """A job: what and how far it is, why it failed, its files, and a picture of what came out."""
    phase = document["phase"]
    parts = [
        f"<div><strong>{_text(title)}</strong> {_phase(phase)} "
        f"<span style='opacity:0.7'>{_text(document['id'])}</span></div>"
    ]
    progress = document["progress"]
    if progress["total"] and phase not in ("COMPLETED", "ARCHIVED"):
        parts.append(
            f"<div><progress value='{int(progress['done'])}' max='{int(progress['total'])}' "
            f"style='width:20em'></progress> {_text(progress['words'])}</div>"
        )
    parts += [f"<div>{_text(line)}</div>" for line in _error_lines(document.get("error"))]
    if preview is not None:
        parts.append(picture(preview, "Preview"))
    if len(results):
        parts.append(results_table(results))
    return "\n".join(parts)


def results_table(results: Mapping[str, RemoteFile]) -> str:
    """Files in rows."""
    rows = [(file.name, file.help, size_words(file.size)) for file in results.values()]
    return table(("result", "what it is", "size"), rows)


def file_card(file: RemoteFile, preview: bytes | None) -> str:
    """One file."""
    words = f"<strong>{_text(file.name)}</strong> {_text(file.help)}, {size_words(file.size)}"
    shown = picture(preview, file.help or file.name) if preview is not None else ""
    return f"<div>{words}</div>{shown}"


def jobs_table(jobs: Iterable[Mapping[str, Any]], more: bool) -> str:
    """Jobs in rows."""
    rows = [
        (
            job["created"][:19].replace("T", " "),
            job["application"],
            job["phase"],
            job["progress"]["words"],
            job["label"],
            job["id"],
        )
        for job in jobs
    ]
    shown = table(("created", "application", "phase", "progress", "label", "id"), rows)
    return shown + ("<div>and more</div>" if more else "")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows under the names of their columns."""
    head = "".join(f"<th scope='col' style='{_CELL}'>{_text(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td style='{_CELL}'>{_text(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def picture(content: bytes, words: str) -> str:
    """A picture that needs nothing from elsewhere."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return f"<img src='{source}' alt='{_text(words)}' style='max-width:100%;max-height:32em'>"


def _phase(phase: str) -> str:
    colour = _COLOURS.get(phase, "#4a7fb5")
    return f"<span style='color:{colour};font-weight:600'>{_text(phase)}</span>"


def _error_lines(error: Mapping[str, Any] | None) -> list[str]:
    if not error:
        return []
    faults = [f"{fault['name']}: {fault['text']}" for fault in error["faults"]]
    return faults or error["message"].splitlines()


def _text(value: Any) -> str:
    return html.escape("" if value is None else str(value))
