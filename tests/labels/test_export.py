"""Gold, a judge against people, and the forms that other tools read, each read back by its own reader."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pyarrow.dataset as arrow
import pytest
import yaml
from click.testing import CliRunner, Result
from inspect_scout import validation_set
from judged import QUOTE, TEXT, Lab

from analysis.codebook import parse
from analysis.errors import UserError
from analysis.store import Store
from labels.adjudication import decide, to_adjudicate
from labels.events import Event
from labels.export_filter import KINDS, STATUSES, Filter
from labels.export_forms import FORMS, FORMS_OF
from labels.export_rows import rows
from labels.importing import import_events
from labels.log import record
from labels.transfer import build, write
from telltale import cli

BOOK = parse({"revision": 1, "patterns": [{"id": i, "name": i, "definition": "d"} for i in "pq"]})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """t0: both say p. t1: they differ on p, and Kim decides for absent. t2: they differ. t3: Ada alone, who then
    saw the judge. The judge says p of t0 and t1, and q of nothing."""
    store = Store(tmp_path_factory.mktemp("lab") / "store.duckdb")
    with store.session() as db:
        lab = Lab(store)
        lab.traces(5)
        lab.run(
            {
                f"t{n}": {"p": ("present", 90) if n < 2 else ("absent", 10), "q": ("absent", 5)}
                for n in range(4)
            }
        )
        for name, ada, bo in (
            ("t0", "present", "present"),
            ("t1", "present", "absent"),
            ("t2", "present", "absent"),
        ):
            lab.label("ada", name, {"p": ada, "q": "absent"})
            lab.label("bo", name, {"p": bo, "q": "absent"})
        lab.label("ada", "t3", {"p": "absent", "q": "unsure"})
        record(store, [Event("ada", "t3", "reveal", phase="review", run_id="r")])
        record(store, [Event("cy", "t4", "set", pattern="p", new="present", phase="import", origin="import")])
        item = next(each for each in to_adjudicate(db, "kim", BOOK) if each.trajectory_id == "t1")
        decide(store, "kim", BOOK, item, "neither", "edge case", "absent")
        yield lab


def exported(lab: Lab, kind: Any, **which: Any) -> list[dict[str, Any]]:
    with lab.store.session() as db:
        return rows(db, kind, Filter(**which), BOOK)


def written(lab: Lab, kind: Any, path: Path, form: Any, **which: Any) -> dict[str, Any]:
    with lab.store.session() as db:
        return write(db, kind, path, form, Filter(**which))


def test_gold_has_its_status_the_soft_label_and_the_quotes_it_rests_on(lab: Lab) -> None:
    found = {(row["trajectory_id"], row["pattern"]): row for row in exported(lab, "gold")}
    told = {
        key: (row["value"], row["status"], row["soft"], row["people"])
        for key, row in found.items()
        if key[1] == "p"
    }
    assert told == {
        ("t0", "p"): ("present", "unanimous", 1.0, 2), ("t1", "p"): ("absent", "adjudicated", 0.5, 2),
        ("t2", "p"): (None, "unresolved", 0.5, 2), ("t3", "p"): ("absent", "single", 0.0, 1),
    }  # fmt: skip
    assert [quote["quote"] for quote in found["t0", "p"]["quotes"]] == [QUOTE]
    assert (found["t1", "p"]["take"], found["t1", "p"]["reason"]) == ("neither", "edge case")
    assert (found["t3", "q"]["value"], found["t3", "q"]["soft"], found["t3", "q"]["unsure"]) == (
        "unsure",
        None,
        1,
    )
    assert found["t0", "p"]["annotators"] == ["ada", "bo"] and not found["t0", "p"]["text_changed"]


def test_a_judge_stands_beside_gold_and_agrees_or_not_where_both_are_sure(lab: Lab) -> None:
    found = {(row["trajectory_id"], row["pattern"]): row for row in exported(lab, "judge-eval")}
    assert {key[0]: (row["verdict"], row["score"], row["agrees"]) for key, row in found.items() if key[1] == "p"} == {
        "t0": ("present", 90.0, True), "t1": ("present", 90.0, False), "t2": ("absent", 10.0, None), "t3": ("absent", 10.0, True),
    }  # fmt: skip
    assert [finding["quote"] for finding in found["t0", "p"]["findings"]] == [QUOTE]
    assert found["t0", "p"]["run_id"].startswith("judge-")


@pytest.mark.parametrize(
    ("kind", "statuses", "left"),
    [
        ("gold", ("unresolved",), {"t2"}),
        ("gold", ("adjudicated", "single"), {"t1", "t3"}),
        ("judge-eval", ("unanimous",), {"t0", "t1", "t2"}),
        ("labels", ("reviewed",), {"t3"}),
        ("labels", ("imported",), {"t4"}),
        ("spans", ("submitted",), {"t0", "t1", "t2"}),
        ("trajectories", ("reviewed",), {"t3"}),
    ],
)
def test_rows_are_filtered_by_their_status(
    lab: Lab, kind: Any, statuses: tuple[str, ...], left: set[str]
) -> None:
    assert set(statuses) <= set(STATUSES[kind])
    assert {row["trajectory_id"] for row in exported(lab, kind, statuses=statuses)} == left


def test_trajectories_have_labels_spans_gold_and_with_a_run_its_word(lab: Lab) -> None:
    first = exported(lab, "trajectories", run_id="judge")[0]
    assert (len(first["labels"]), len(first["spans"]), len(first["gold"]), len(first["verdicts"])) == (
        4,
        2,
        2,
        2,
    )
    assert first["findings"][0]["quote"] == QUOTE and first["run_id"].startswith("judge-")
    assert "verdicts" not in exported(lab, "trajectories")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hugging_face_folder_is_read_back(lab: Lab, tmp_path: Path, kind: Any) -> None:
    manifest = written(lab, kind, tmp_path / "set", "huggingface")
    card = (tmp_path / "set/README.md").read_text()
    head = yaml.safe_load(card.split("---")[1])
    [split] = head["configs"][0]["data_files"]
    table = arrow.dataset(tmp_path / "set" / split["path"]).to_table()
    wanted = exported(lab, kind)
    assert split["split"] == "train" and table.num_rows == len(wanted) == manifest["rows"]
    assert table.column_names == list(wanted[0]) and table["trajectory_id"].to_pylist() == [
        row["trajectory_id"] for row in wanted
    ]
    assert json.loads((tmp_path / "set/manifest.json").read_text()) == manifest
    assert set(manifest["files"]) == {"data/train.parquet", "README.md"}
    assert f"{manifest['rows']} rows" in card
    assert written(lab, kind, tmp_path / "set", "huggingface")["rows"], (
        "a folder that is an export is replaced"
    )


def test_a_folder_that_is_no_export_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("kept")
    with pytest.raises(UserError, match="no export; name another folder"):
        written(lab, "gold", tmp_path / "mine", "huggingface")
    assert (tmp_path / "mine/thesis.txt").read_text() == "kept"


def test_label_studio_reads_each_person_as_an_annotation_and_the_run_as_a_prediction(
    lab: Lab, tmp_path: Path
) -> None:
    written(lab, "trajectories", tmp_path / "tasks.json", "label-studio", run_id="judge")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    config = ElementTree.fromstring((tmp_path / "tasks.json.config.xml").read_text())
    controls = {
        each.get("name"): {choice.get("value") for choice in each} for each in config if each.get("toName")
    }
    assert controls["pattern"] == {"p", "q"} and config.find("Text").get("value") == "$text"  # type: ignore[union-attr]
    assert [task["data"]["trajectory_id"] for task in tasks] == ["t0", "t1", "t2", "t3", "t4"]
    for task in tasks:
        for said in [*task["annotations"], *task["predictions"]]:
            assert len({each["id"] for each in said["result"]}) == len(said["result"])
            for each in said["result"]:
                assert each["to_name"] == "text" and each["from_name"] in controls
                if each["type"] == "labels":
                    value = each["value"]
                    assert task["data"]["text"][value["start"] : value["end"]] == value["text"]
                    assert set(value["labels"]) <= controls["pattern"]
    ada, bo = tasks[1]["annotations"]
    said = {each["from_name"]: each["value"] for each in ada["result"]}
    assert said["annotator"] == {"text": ["ada"]} and said["present"] == {"choices": ["p"]}
    assert {"choices": ["p", "q"]} in [
        each["value"] for each in bo["result"] if each["from_name"] == "absent"
    ]
    assert tasks[0]["predictions"][0]["model_version"].startswith("judge-")
    assert "Pick." in tasks[0]["data"]["prompt"] and tasks[0]["data"]["text"] == TEXT


def test_scout_reads_a_validation_set_of_one_pattern(lab: Lab, tmp_path: Path) -> None:
    for ending in ("jsonl", "json"):
        manifest = written(lab, "gold", tmp_path / f"set.{ending}", "scout", patterns=("p",))
        cases = {case.id: case.target for case in validation_set(tmp_path / f"set.{ending}").cases}
        assert cases == {"t0": True, "t1": False, "t3": False}
        assert (manifest["cases"], manifest["left_out"], manifest["patterns"]) == (3, 1, ["p"])


def test_scout_never_takes_a_label_that_is_not_there_for_true(lab: Lab, tmp_path: Path) -> None:
    manifest = written(lab, "gold", tmp_path / "set.jsonl", "scout")
    cases = {case.id: case.labels for case in validation_set(tmp_path / "set.jsonl").cases}
    assert cases == {"t0": {"p": True, "q": False}, "t1": {"p": False, "q": False}}
    assert manifest["left_out"] == 2, "t2 is unresolved on p, t3 unsure on q"


def test_an_id_that_scout_would_take_for_several_stays_one(store: Store, tmp_path: Path) -> None:
    from labels.export_forms import files

    about = {"pattern": "p", "value": "present"}
    made, _ = files(
        [{"trajectory_id": "a,b", **about}, {"trajectory_id": "[c]", **about}], "gold", "scout", "x.jsonl"
    )
    (tmp_path / "x.jsonl").write_bytes(made["x.jsonl"])
    assert [case.id for case in validation_set(tmp_path / "x.jsonl").cases] == [["a,b"], ["[c]"]]


@pytest.mark.parametrize(
    ("kind", "form", "name", "complaint"),
    [
        ("labels", "scout", "x.jsonl", "scout is for gold; labels go out as jsonl"),
        ("gold", "label-studio", "x.json", "label-studio is for trajectories"),
        ("gold", "scout", "x.csv", "with .json or .jsonl"),
    ],
)
def test_a_form_that_does_not_fit_says_which_does(
    lab: Lab, tmp_path: Path, kind: Any, form: Any, name: str, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        written(lab, kind, tmp_path / name, form)
    assert not list(tmp_path.glob("x*"))


def test_the_same_labels_give_the_same_bytes_in_every_form(lab: Lab) -> None:
    with lab.store.session() as db:
        for kind, forms in FORMS_OF.items():
            for form in forms:
                name = f"x.{form}" if form != "scout" else "x.jsonl"
                first, second = (build(db, kind, name, form)[1] for _ in range(2))
                assert first["files"] == second["files"] != {} and form in FORMS


def test_what_has_several_files_is_downloaded_as_one(lab: Lab) -> None:
    with lab.store.session() as db:
        data, manifest = build(db, "gold", "gold", "huggingface")
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.namelist() == ["data/train.parquet", "README.md", "manifest.json"]
        assert orjson.loads(archive.read("manifest.json")) == manifest


def test_the_manifest_counts_and_hashes(lab: Lab, tmp_path: Path) -> None:
    manifest = written(lab, "gold", tmp_path / "gold.jsonl", "jsonl", statuses=("unanimous", "unresolved"))
    assert manifest["counts"]["status"] == {"unanimous": 4, "unresolved": 1}
    assert manifest["filter"]["statuses"] == ["unanimous", "unresolved"] and manifest["rows"] == 5


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "holds no events"),
        (b'[{"event_id": "1"}]', "holds no events"),
        (b"PAR1\x00\xff\n" * 500, "holds no events"),
        (b'{"trajectory_id": "t0", "reasoning": "x"}\n' * 300, "holds no events"),
        (None, "can't be read"),
    ],
)
def test_a_wrong_file_is_one_clear_line(
    lab: Lab, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=complaint):
        import_events(lab.store, path)


def test_the_command_line_writes_forms_and_says_what_it_left_out(labelled: Store, tmp_path: Path) -> None:
    def call(*words: object) -> Result:
        return CliRunner().invoke(cli, [*map(str, words), "--db", str(labelled.path)], catch_exceptions=False)

    path = tmp_path / "set.jsonl"
    done = call("export", "gold", "--as", "scout", "--out", path)
    assert done.exit_code == 0 and "1 trajectories lack gold" in done.stderr
    assert len(validation_set(path).cases) == 2
    with pytest.raises(UserError, match="gold have a status of unanimous"):
        call("export", "gold", "--status", "submitted", "--out", tmp_path / "x.csv")
    with pytest.raises(UserError, match="holds no events"):
        call("label", "import", path)
