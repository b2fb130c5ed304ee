"""From an empty cell to a displayed mosaic in five lines, in a real kernel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from service import Service

CELL = """\
from hven.client import Service
service = Service("{url}")
job = service.mosaic(images="{images}", pixel_scale=4)
job.wait(progress=True)
job.results["mosaic"].open()[0].data.shape, job
"""


@pytest.fixture
def run(served: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run cells in a kernel of their own; gives the outputs of the last one."""
    monkeypatch.setenv("HVEN_TOKEN", served.token)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")

    def execute(*cells: str) -> list[Any]:
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        client = NotebookClient(book, timeout=300, kernel_name="python3")
        client.execute(cwd=str(tmp_path), env=dict(os.environ))
        return list(book.cells[-1].outputs)

    return execute


def test_five_lines_lead_from_an_empty_cell_to_a_displayed_mosaic(
    run: Any, served: Service, shared_data: Path
) -> None:
    images = shared_data / "mosaic" / "m17_2mass_j" / "2mass-atlas-990502s-j142*.fits"
    lines = CELL.format(url=served.url, images=images).splitlines()
    assert len(lines) == 5
    shown = run("\n".join([*lines[:4]]))
    whole = next(out.data["text/html"] for out in shown if out.output_type == "execute_result")
    assert "data:image/png;base64," in whole
    assert "COMPLETED" in whole
    bars = next(out.data["text/html"] for out in shown if out.output_type == "display_data")
    assert "<progress value=" in bars
    assert "it is completed" in bars
    assert not [out for out in shown if out.output_type == "stream"]


def test_completion_in_a_notebook_knows_the_applications(run: Any, served: Service) -> None:
    shown = run(
        f'from hven.client import Service; service = Service("{served.url}")',
        "from IPython.core.completer import provisionalcompleter\n"
        "with provisionalcompleter():\n"
        '    found = get_ipython().Completer.completions("service.mos", 11)\n'
        "    print([each.text for each in found])",
    )
    assert shown[0].text.strip() == "['mosaic']"
