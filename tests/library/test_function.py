import gc
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from astropy import units

import hven
from hven.errors import InputError, ParameterError, StepError
from hven.library import Result, function


@pytest.fixture
def weigh(weighing):
    return function(weighing)


def test_an_application_is_a_plain_function(weigh, files):
    result = weigh(files, executor="inline")
    assert result.total == 6
    assert result.table.read_text() == "1\n2\n3\n"


def test_the_default_executor_needs_no_set_up(weigh, files):
    assert weigh(files).total == 6


def test_it_is_imported_from_the_package_itself(weighing, files):
    from hven import weigh

    assert weigh(files, executor="inline").total == 6
    assert {"weigh", "mosaic", "Run", "Store", "SkyPosition"} <= set(dir(hven))
    with pytest.raises(AttributeError, match="has no attribute 'wiegh'"):
        _ = hven.wiegh
    del hven.weigh  # the package of toys goes at the end of the test


@pytest.mark.parametrize("given", ["{folder}/*.dat", "{folder}/a.dat", ["{folder}/[ab].dat"]])
def test_wildcards_and_single_paths_are_lists_of_files(weigh, files, given):
    folder = files[0].parent
    named = (
        given.format(folder=folder)
        if isinstance(given, str)
        else [text.format(folder=folder) for text in given]
    )
    expected = {"{folder}/*.dat": 6, "{folder}/a.dat": 1}.get(str(given), 3)
    assert weigh(named, executor="inline").total == expected
    assert weigh(files[1], executor="inline").total == 2


def test_a_file_whose_name_has_brackets_is_that_file(weigh, tmp_path):
    path = tmp_path / "m[17].dat"
    path.write_bytes(b"1234")
    assert weigh(str(path), executor="inline").total == 4


def test_quantities_and_texts_with_units_are_converted(weigh, files):
    assert weigh(files, pause=1 * units.ms, executor="inline").provenance["parameters"][
        "pause"
    ] == pytest.approx(0.001)
    assert weigh(files, pause="1 ms", executor="inline").total == 6


def test_all_faults_of_a_call_are_told_at_once(weigh, files):
    with pytest.raises(ParameterError) as caught:
        weigh(files, scales="absent.dat", repeat=0, paus=3, executor="abacus")
    assert str(caught.value).splitlines() == [
        "paus: is not a parameter of weigh; did you mean pause?",
        "repeat: must be at least 1 and at most 10000, got 0",
        "scales: must be a file that exists, got absent.dat",
        "executor: must be inline, local, dask or dask:ADDRESS, got 'abacus'",
    ]
    with pytest.raises(ParameterError, match="files: must be given"):
        weigh()


def test_missing_files_alone_are_an_input_error(weigh, files):
    with pytest.raises(InputError) as caught:
        weigh([files[0], "no*.dat"], scales="absent.dat")
    assert [fault.text for fault in caught.value.faults] == [
        "must match at least one file, got no*.dat",
        "must be a file that exists, got absent.dat",
    ]


def test_the_signature_is_made_from_the_declaration(weigh, weighing):
    signature = inspect.signature(weigh)
    assert list(signature.parameters) == [
        *(field.name for field in weighing.fields),
        "output",
        "executor",
        "store",
        "progress",
    ]
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    assert kinds.pop("files") is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(kinds.values()) == {inspect.Parameter.KEYWORD_ONLY}
    assert signature.parameters["repeat"].default == 1
    assert signature.return_annotation is weighing.result
    assert weigh.__name__ == "weigh"


def test_the_documentation_mentions_every_parameter_unit_bound_and_output(weigh, weighing):
    text = inspect.getdoc(weigh)
    for field in weighing.fields:
        assert f"\n{field.name} : " in text
        assert f"    {field.help}." in text
    assert "pause : float or Quantity, in s, default 0.0" in text
    assert "Must be at least 0 and at most 600 s." in text
    assert "{'none', 'bug', 'step', 'input', 'memory', 'kill'}, default 'none'" in text
    assert "table: Weight of each file" in text
    assert "Archimedes" in text


def test_a_result_is_the_dataclass_of_the_application(weigh, weighing, files):
    result = weigh(files, executor="inline")
    assert isinstance(result, weighing.result)
    assert isinstance(result, Result)
    assert type(weigh(files, executor="inline")) is type(result)
    assert set(result.files) == {"table", "image"}
    assert repr(result).startswith("Weights(table=")


def test_a_result_opens_its_fits_file(weigh, files):
    with weigh(files, executor="inline").open() as hdus:
        assert hdus[0].data.tolist() == [1, 2, 3]
    with pytest.raises(ParameterError, match="name: must be one of image, got table"):
        weigh(files, executor="inline").open("table")


def test_a_temporary_folder_lives_as_long_as_its_result(weigh, files):
    result = weigh(files, executor="inline")
    folder = result.folder
    assert folder.is_dir()
    del result
    gc.collect()
    assert not folder.exists()


def test_a_saved_result_stays(weigh, files, tmp_path):
    saved = weigh(files, executor="inline").save(tmp_path / "kept")
    gc.collect()
    assert saved.table == tmp_path / "kept" / "weights.txt"
    assert saved.table.read_text() == "1\n2\n3\n"
    assert saved.folder == tmp_path / "kept"
    assert saved.preview is None
    assert (tmp_path / "kept" / "log.txt").exists()
    assert saved.save(tmp_path / "kept") is saved


def test_an_output_folder_is_made_and_stays(weigh, files, tmp_path):
    result = weigh(files, output=tmp_path / "new" / "folder", executor="inline")
    assert result.folder == tmp_path / "new" / "folder"
    del result
    gc.collect()
    assert (tmp_path / "new" / "folder" / "weights.txt").exists()


def test_a_failed_run_leaves_no_temporary_folder(weigh, files, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(StepError, match="weigh_file"):
        weigh(files, trouble="step", executor="inline")
    assert list(tmp_path.glob("hven-weigh-*")) == []


def test_progress_is_shown_only_when_asked_for(weigh, files, capsys):
    weigh(files, executor="inline")
    assert capsys.readouterr() == ("", "")
    weigh(files, executor="inline", progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Weigh a file: 3 of 3, 3 reused" in err


def test_a_store_can_be_named(weigh, files, tmp_path):
    weigh(files, executor="inline", store=tmp_path / "mine")
    result = weigh(files, executor="inline", store=str(tmp_path / "mine"))
    assert result.provenance["steps"][0]["reused"] == 3


def test_provenance_tells_how_it_was_made(weigh, files):
    record = weigh(files, repeat=2, executor="inline").provenance
    assert record["application"] == {
        "name": "weigh",
        "version": 4,
        "package": "hven_toys",
        "references": ["Archimedes, -250"],
    }
    assert record["packages"]["hven_toys"] == "1.0"
    assert {"hven", "numpy", "astropy"} <= set(record["packages"])
    assert record["parameters"]["repeat"] == 2
    assert [(Path(file["path"]).name, file["bytes"]) for file in record["inputs"]] == [
        ("a.dat", 1),
        ("b.dat", 2),
        ("c.dat", 3),
    ]
    # SHA-256 of the one letter x.
    assert record["inputs"][0]["sha256"].startswith("2d711642b726b044")
    assert record["steps"] == [{"name": "weigh_file", "version": 2, "calls": 6, "reused": 0}]
    assert record["machine"]["cores"] >= 1
    assert record["started"] < record["ended"]


def test_importing_the_package_imports_next_to_nothing():
    code = "import sys; import hven; print([m for m in sys.modules if m.startswith('hven')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['hven']\n"


def test_faults_survive_the_way_to_another_process(weigh):
    with pytest.raises(InputError) as caught:
        weigh(["no*.dat"])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), copy.faults) == (InputError, caught.value.faults)
