"""telltale report all: one file that says everything of a run, in HTML and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from judged import Lab

from analysis import codebook, runs
from analysis.errors import UserError
from analysis.runs import Finding, Result, Verdict
from analysis.store import Store, append, new_ids
from analysis.store.rows import now
from analysis.tagging import tag_with_cues
from analysis.trajectories import Message, Trajectory, row
from labels.report import document
from telltale import cli
from views.report import _drawable, html

DOCS = (Path(__file__).parents[2] / "docs/report.md").read_text(encoding="utf-8")
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }} & "quoted" \''
UNQUOTED = "told_elsewhere"
TYPES: dict[str, tuple[type, ...]] = {"text": (str,), "whole number": (int,), "number": (int, float), "yes or no": (bool,)}  # fmt: skip


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report on six traces that a judge read, with hostile names and quotes: before and after people label."""
    store = Store(tmp_path_factory.mktemp("report") / "store.duckdb", busy_limit=20)
    with store.session():
        lab = Lab(store)
        names = lab.traces(6, checkpoints=("step-1", HOSTILE))
        run_id = runs.start(store, "judge", {}, codebook.load(), f"model {HOSTILE}")
        with store.transaction() as db:
            runs.record(db, run_id, [_read(lab, name, number) for number, name in enumerate(names)])
            append(db, "outcomes", [
                {"trajectory_id": name, "name": HOSTILE, "value": json.dumps(number % 3 == 0), "state": "ok",
                 "reader": "test", "created_at": now()} for number, name in enumerate(names)
            ])  # fmt: skip
        before = _of(store)
        for who in ("ada", "ben"):
            lab.labels(who, {f"t{n}": {"eval_aware": "present" if n < 2 else "absent"} for n in range(4)})
        return before, _of(store)


@pytest.fixture
def alone(documents: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return documents[0]


@pytest.fixture
def labelled(documents: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return documents[1]


def _read(lab: Lab, name: str, number: int) -> Result:
    """One reading. The last was refused."""
    if number == 5:
        return Result(name, "refused", reasoning_sha256=lab.sha[name])
    said = {
        "eval_aware": "present" if number < 3 else "absent",
        "p": "absent",
        HOSTILE: "present" if number % 2 else "absent",
        UNQUOTED: "present" if number % 2 else "absent",
    }
    findings = [
        Finding(pattern, f"{HOSTILE} {number}", 0, 9, "exact", "asserts")
        for pattern, verdict in said.items()
        if verdict == "present" and pattern != UNQUOTED
    ]
    verdicts = [Verdict(pattern, verdict) for pattern, verdict in said.items()]
    return Result(name, "ok", verdicts, findings, reasoning_sha256=lab.sha[name])


def _of(store: Store) -> dict[str, Any]:
    with store.session() as db:
        return document(db, str(store), runs.choose(db, None), codebook.load())


def telltale(*words: Any) -> str:
    """What the command prints."""
    done = CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False, standalone_mode=False)
    return done.stdout


def paths(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Each field of a JSON value, as docs/report.md writes it, with its value."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from paths(each, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for each in value:
            yield from paths(each, f"{at}[]")
    else:
        yield at, value


def documented() -> dict[str, str]:
    """Each field that docs/report.md describes, with its type."""
    found = {}
    for place, names, kind, _ in re.findall(r"^\| `([^`]+)` \| (`.+?) \| ([^|]+) \| ([^|]+) \|$", DOCS, re.M):
        for name in re.findall(r"`([^`]+)`", names):
            found[f"{place}.{name}"] = kind
    return found


def test_the_json_has_just_the_fields_that_the_documentation_describes(labelled: dict[str, Any]) -> None:
    known, seen = documented(), set()
    for field, value in paths(labelled):
        seen.add(field)
        kind = known[field]
        if value is None:
            assert kind.endswith(" or null"), field
        else:
            allowed = TYPES[kind.removesuffix(" or null")]
            assert isinstance(value, allowed) and (bool in allowed or not isinstance(value, bool)), field
    assert seen == set(known)


def test_the_figures_are_those_of_the_other_reports(labelled: dict[str, Any]) -> None:
    found = labelled
    [first, second] = [row for row in found["frequencies"] if row["pattern"] == "eval_aware"]
    assert (first["present"], first["n"], first["missing"], second["n"], second["missing"]) == (1, 2, 1, 3, 0)
    assert first["labels"] == 2 and first["corrected"] is not None
    assert found["run"]["attempts"] == [
        {"state": "ok", "trajectories": 5},
        {"state": "refused", "trajectories": 1},
    ]
    assert [row["unjudged"] for row in found["data"]["checkpoints"]] == [1, 0]
    assert found["labels"] == {"labels": 8, "trajectories": 4, "people": 2}
    assert [(row["pattern"], row["tp"], row["fp"]) for row in found["quality"]] == [("eval_aware", 2, 1)]
    assert [row["percent"] for row in found["agreement"]] == [1.0]
    assert sum(row["present"] for row in found["outcomes"]) == 2
    assert {"ada", "ben"}.isdisjoint(json.dumps(found).split('"'))


def test_a_pattern_that_is_found_and_never_quoted_has_no_occurrences(
    labelled: dict[str, Any],
) -> None:
    counted = {row["pattern"] for row in labelled["occurrences"]}
    assert {"eval_aware", "p"} <= counted and UNQUOTED not in counted
    assert UNQUOTED in {row["pattern"] for row in labelled["frequencies"] if row["present"]}


class Elements(HTMLParser):
    """Which elements a page has, and with which attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_stored_text_is_text_and_nothing_is_fetched(alone: dict[str, Any]) -> None:
    page = Elements(html(alone))
    assert {"script", "img", "iframe", "object", "base", "form"}.isdisjoint(tag for tag, _ in page.found)
    for tag, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on")], tag
        links = [attributes[name] for name in ("href", "src", "xlink:href") if name in attributes]
        assert all(link and link.startswith(("#", "data:,")) for link in links), (tag, links)
    [policy] = [each for _, each in page.found if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    told = "".join(page.text)
    assert f"{HOSTILE} 1" in told and f"model {HOSTILE}" in told and "49" not in told


def test_long_names_in_a_figure_are_cut_and_stay_apart() -> None:
    names = ["a" * 30 + "1" + "b" * 30, "a" * 30 + "2" + "b" * 30, "short"]
    assert _drawable(names, 20) == [f"{'a' * 10}…{'b' * 9} (1)", f"{'a' * 10}…{'b' * 9} (2)", "short"]


def test_without_labels_it_says_that_the_tagger_stands_alone(
    alone: dict[str, Any], labelled: dict[str, Any]
) -> None:
    without, beside = html(alone), html(labelled)
    assert "The tagger alone." in without and "On the corrected share" not in without
    assert "The tagger alone." not in beside and "On the corrected share" in beside


def test_the_file_says_what_it_is_about(alone: dict[str, Any]) -> None:
    told = " ".join("".join(Elements(html(alone)).text).split())
    assert "6, of 2 checkpoints and 2 prompts" in told
    assert "0 with no reasoning to read, 1 readable and not judged" in told
    assert "Synthetic data." not in told and "it has changed since" not in told
    assert all(each.definition in told for each in codebook.load().patterns if '"' not in each.definition)


def test_a_codebook_that_changed_since_the_run_is_said(alone: dict[str, Any]) -> None:
    older = alone | {"run": alone["run"] | {"codebook_sha256": "0" * 64}}
    assert "it has changed since, and what is printed below is how it is now" in html(older)


def test_where_nothing_can_be_read_all_is_missing_and_nothing_is_drawn(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.duckdb", busy_limit=20)
    turns = [Message("user", "Pick."), Message("assistant", "4", None, "encrypted", "reasoning")]
    with store.session():
        with store.transaction() as db:
            append(db, "trajectories", [row(Trajectory("lab", turns, "sealed"), new_ids(1)[0], now())])
        tag_with_cues(store, codebook.load())
        found = _of(store)
    page = html(found)
    assert found["data"]["unreadable"] == 1 and not any(each["n"] for each in found["frequencies"])
    assert "Nothing judged." in page and "1 with no reasoning to read" in page and "<svg" not in page


def test_without_a_store_or_a_run_it_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLTALE_DB", str(tmp_path / "store.duckdb"))
    with pytest.raises(UserError, match="there is no store"):
        telltale("report", "all", "--out", tmp_path / "report.html")
    with Store(tmp_path / "store.duckdb").session():
        pass
    with pytest.raises(UserError, match="no run yet"):
        telltale("report", "all", "--out", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_the_sample_s_report_marks_it_as_synthetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = Path(__file__).parents[2], tmp_path / "report.html"
    monkeypatch.setenv("TELLTALE_DB", str(tmp_path / "store.duckdb"))
    telltale("ingest", root / "data/sample/odd-number.jsonl", "--map", root / "data/maps/odd-number.yaml")
    telltale("tag", "--tagger", "cues")
    telltale("report", "all", "--format", "html", "--out", out)
    page = out.read_text(encoding="utf-8")
    assert "All 24 trajectories were simulated, or written for a sample" in page
    assert page.count("SYNTHETIC DATA") >= 4 and "A baseline." in page and page.count("<svg") >= 5
    told = json.loads(telltale("report", "all", "--format", "json"))
    assert told["data"]["synthetic"] == told["data"]["trajectories"] == 24
    with pytest.raises(UserError, match="can't be written"):
        telltale("report", "all", "--out", tmp_path / "nowhere" / "report.html")
