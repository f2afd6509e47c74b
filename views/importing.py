"""Bring files in: drop one, see it as it would be stored, say which field is which, and keep it."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from analysis import ingest
from analysis.errors import UserError
from analysis.store import Store
from labels.imported import ImportedLabels, record_labeled
from views.plain import count, plain
from views.store import one_line_errors

PAGE = "import"
MAPS = Path(__file__).parents[1] / "data" / "maps"
BY_CONTENT = "By the file's content"
NEW_MAP = "A new map"
SHOWN = 3
LONGEST = 600
STARTER = """# field of a trajectory: field of your rows, or a rule
# checkpoint: {path: '([^/]+)\\.jsonl$'}   a capture from the file's path
# environment: =my-task                    a constant
"""


def main() -> None:
    """Draw the page."""
    st.title("Import", anchor=False)
    st.caption(
        f"Into {plain(str(Store()))}. What is there already is skipped; what can't be read is set aside with its reason."
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        files = _files()
    if not files:
        st.write(
            "Drop files above, or name a file or folder of this machine. On the command line it is `telltale ingest PATH`."
        )
        return
    with left:
        rules, text, name = _map(files[0])
        if text.strip():
            _keep(text)
    with right:
        ready = _preview(files[0], rules, name)
        if ready:
            replace = st.checkbox("Supersede what is there with other content", key=f"{PAGE}.replace")
            if st.button("Store them", type="primary", shortcut="Ctrl+Enter"):
                _store(files, rules, name, replace)


def _files() -> list[Path]:
    """What was dropped, written beside each other under one name, or what the typed path stands for."""
    dropped = st.file_uploader("Files of trajectories", accept_multiple_files=True, key=f"{PAGE}.files")
    typed = st.text_input("Or a path on this machine", key=f"{PAGE}.path", placeholder="runs/step-100.jsonl")
    if typed:
        return ingest.files_in([Path(typed.strip()).expanduser()])
    if not dropped:
        return []
    # A source is called by its folder and name, so a file that is dropped again is the same source.
    folder = Path(_scratch().name) / "dropped"
    folder.mkdir(exist_ok=True)
    paths = [folder / Path(each.name).name for each in dropped]
    written: dict[Path, str] = st.session_state.setdefault(f"{PAGE}.written", {})
    for path, each in zip(paths, dropped, strict=True):
        if written.get(path) != each.file_id:  # one that was dropped again may have another content
            path.write_bytes(each.getbuffer())
            written[path] = each.file_id
    return paths


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes with the browser session."""
    held = f"{PAGE}.scratch"
    if held not in st.session_state:
        st.session_state[held] = tempfile.TemporaryDirectory(prefix="telltale-")
    folder: tempfile.TemporaryDirectory[str] = st.session_state[held]
    return folder


def _map(first: Path) -> tuple[dict[str, Any] | None, str, str]:
    """The rules to read with, the map's text, and what to call it."""
    shipped = {path.name: path for path in sorted(MAPS.glob("*.yaml"))}
    chosen = st.selectbox("Read by", [BY_CONTENT, *shipped, NEW_MAP], key=f"{PAGE}.map")
    if chosen == BY_CONTENT:
        return None, "", ""
    held = f"{PAGE}.text.{chosen}"
    if held not in st.session_state:
        st.session_state[held] = (
            shipped[chosen].read_text(encoding="utf-8") if chosen in shipped else _starter(first)
        )
    text = st.text_area(
        "Map", key=held, height=260, help="YAML: a rule for each field. README.md has the kinds of rules."
    )
    written = Path(_scratch().name) / "map.yaml"
    written.write_text(text, encoding="utf-8")
    return ingest.load_map(written), text, chosen


def _starter(first: Path) -> str:
    """A map to begin with: the fields that the rows have, as comments."""
    fields = ingest.fields_of(first)
    return STARTER + "# your rows have: " + ", ".join(fields) + "\nprompt: \nreasoning: \nanswer: \n"


def _preview(first: Path, rules: dict[str, Any] | None, name: str) -> bool:
    """Show the first trajectories of the first file; whether they can be stored."""
    try:
        shown = ingest.preview(first, rules, count=SHOWN, map_name=plain(name) or "map")
    except UserError as error:
        st.error(plain(error, 600))
        if rules is None:
            st.write("Choose a map above, or begin a new one.")
        return False
    st.markdown(f"**{plain(shown.report.file)}** read as *{plain(shown.report.format)}*")
    for field in shown.report.unmatched:
        st.warning(
            plain(f"{field}: its path rule finds nothing in the file's path, {shown.report.path}", 300)
        )
    for bad in shown.unreadable[:SHOWN]:
        st.warning(plain(f"line {bad.line}: {bad.reason}", 300))
    flat = [each.flat() for each in shown.trajectories]
    fields = [
        name for name in (flat[0] if flat else ()) if any(row[name] not in (None, "", [], {}) for row in flat)
    ]
    if flat:
        st.dataframe(
            {"field": fields} | {f"trajectory {n}": [_short(row[name]) for name in fields] for n, row in enumerate(flat, 1)},
            hide_index=True, height="content",
            column_config={"field": st.column_config.TextColumn(width=150, pinned=True)},
        )  # fmt: skip
    unread = ", ".join(plain(field) for field in shown.unread_fields)
    st.caption(f"Fields that nothing reads, kept as metadata: {unread or 'none'}")
    readable = any(each.reasoning() or each.answer() for each in shown.trajectories)
    if shown.trajectories and not readable:
        st.write("Nothing of these rows is read as reasoning or answer yet: name the fields in the map.")
    return readable


def _keep(text: str) -> None:
    """Download the map for the command line, or keep it beside those that the project ships."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button("Download the map", text, "map.yaml", "application/yaml", on_click="ignore")
        name = st.text_input("Keep it as", placeholder="my-lab", width=200, key=f"{PAGE}.keep")
        if st.button("Keep the map", disabled=not name):
            path = MAPS / f"{Path(name).stem}.yaml"
            if path.exists() and path.read_text(encoding="utf-8") != text:
                st.error(plain(f"there is a map {path.name} already; choose another name"))
            else:
                path.write_text(text, encoding="utf-8")
                st.success(
                    plain(f"kept; on the command line: telltale ingest PATH --map data/maps/{path.name}")
                )


def _store(files: list[Path], rules: dict[str, Any] | None, name: str, replace: bool) -> None:
    store, labels = Store(), ImportedLabels()
    with st.status(f"Reading {count(len(files), 'file')}", expanded=True) as status:
        line = st.empty()

        def progress(file: str, read: int) -> None:
            line.text(f"{file}: {read:,} read")

        reports = ingest.ingest(
            store, files, rules, replace=replace, progress=progress, map_name=name or "map",
            labeled=lambda found: record_labeled(store, found, labels),
        )  # fmt: skip
        status.update(label="Done", state="complete")
    columns = ("file", "format", "items", "read", "stored", "replaced", "already", "conflicting", "set_aside")
    st.dataframe(
        {column: [getattr(report, column) for report in reports] for column in columns}, hide_index=True
    )
    verdicts, quotes, rejected = (
        sum(getattr(report, name) for report in reports) for name in ("verdicts", "quotes", "rejected")
    )
    if verdicts:
        st.write(
            f"Verdicts made elsewhere: {verdicts:,} stored; {quotes:,} quotes stand in the text, {rejected:,} do not "
            "and are kept as rejected."
        )
    if labels.read:
        st.write(
            f"Labels made elsewhere: {labels.read:,} read, {labels.stored:,} stored; {labels.quotes:,} quotes stand in "
            f"the text, {labels.rejected:,} do not and are kept as rejected."
        )
    for refused in labels.refused[:SHOWN]:
        st.warning(plain(f"label refused: {refused}", 300))
    for report in reports:
        _say(report)
    st.page_link(Path(__file__).with_name("traces.py"), label="Read them")


def _say(report: ingest.FileReport) -> None:
    """What a user should know of a file: what doubled, conflicted or could not be read."""
    if report.other_ids:
        st.warning(plain(
            f"{report.other_ids:,} trajectories of {report.file} are in the store under other ids; if they are the "
            f"same rows, drop the source (telltale drop --source {shlex.quote(report.file)}) and store them again, "
            "or give the map an id rule", 400,
        ))  # fmt: skip
    for conflict in report.conflicts[:SHOWN]:
        st.warning(plain(f"{conflict} is stored with other content", 300))
    for where, reason in report.aside[:SHOWN]:
        st.warning(plain(f"set aside: {report.file}:{where}: {reason}", 300))
    if report.refused:
        st.error(plain(report.refused, 400))


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


with one_line_errors():
    main()
