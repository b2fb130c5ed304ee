import json
import subprocess
import sys

import pytest

from hven.declare import registry


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_the_applications_and_the_commands(hven, words):
    code, out, err = hven(*words)
    assert (code, err) == (0, "")
    assert "weigh   File weights: weighs files" in out
    for command in ("list", "schema", "store", "version"):
        assert f"\n  {command} " in out


def test_list_shows_every_application(hven):
    code, out, _ = hven("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == registry.names()


def test_a_broken_package_is_told_of_and_hides_no_other(hven, tmp_path, monkeypatch):
    about = tmp_path / "site" / "broken-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[hven.applications]\nfoo = absent_module:foo\n")
    monkeypatch.syspath_prepend(about.parent)
    code, out, err = hven("list")
    assert code == 0
    assert "weigh" in out
    assert err.startswith("hven: foo cannot be used, broken is broken: ModuleNotFoundError")
    assert hven("foo").code == 70


def test_schema_prints_json(hven):
    code, out, _ = hven("schema", "weigh")
    assert code == 0
    assert json.loads(out)["properties"]["pause"]["x-unit"] == "s"


def test_version_names_what_a_report_needs(hven):
    code, out, _ = hven("version")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()} >= {"hven", "python", "numpy", "astropy"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["wiegh"],
            "wiegh: must be a command or one of fof, mosaic, weigh, got 'wiegh'",
        ),
        (["--loud"], "--loud: must be a command or an application; see hven --help"),
        (["schema"], "APPLICATION: must be given, got nothing"),
        (["schema", "wiegh"], "application: must be one of fof, mosaic, weigh, got 'wiegh'"),
        (["version", "2"], "2: is too much for hven version, which takes none"),
    ],
)
def test_a_wrong_command_is_answered_in_a_line(hven, words, message):
    code, _, err = hven(*words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_a_reader_that_has_enough_is_no_fault(start):
    process = start("schema", "weigh")
    process.stdout.close()
    assert "BrokenPipe" not in process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0


def test_a_reader_that_has_enough_of_a_run_is_no_fault_either(start, files, tmp_path):
    process = start("weigh", *files, "-o", tmp_path / "out", "--executor", "inline")
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(30), "fault" in err) == (0, False)
    assert (tmp_path / "out" / "provenance.json").exists()


def test_telling_imports_nothing_heavy():
    code = (
        "import sys, hven.cli.main; hven.cli.main.main(['version']); import hven; hven.__version__;"
        "print({'numpy', 'astropy', 'rich', 'hven.engine'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_commands_load_neither_astropy_nor_dask():
    code = (
        "import sys; sys.path = [p for p in sys.path if 'toy_package' not in p]\n"
        "import hven.cli.main; hven.cli.main.main(['list'])\n"
        "print({'astropy', 'dask', 'distributed', 'numba', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
