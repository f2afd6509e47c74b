"""Find traces, read one, and hold two rollouts of one prompt beside each other."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis import codebook, reading, traces
from analysis.errors import UserError
from analysis.measure.scope import Scope
from analysis.traces import Trace
from views import choices, seen, traces_search
from views.address import adopt, keep, key
from views.hits import hits
from views.plain import count, plain
from views.reader import reader
from views.store import TRAJECTORIES, Opened, one_line_errors, opened

PAGE = "traces"
ROWS = 25
SINGLE = ("run", "series", "verdict", "q", "regex", "meaning", "trajectory", "segment", "beside", "page")
SEVERAL = ("checkpoint", "environment", "variant", "state", "pattern", "in")
VERDICT_NAMES = {"present": "present", "absent": "absent", "unsure": "unsure", "none": "no verdict"}


def main() -> None:
    """Draw the list, or one trace where the address or a click names it."""
    shown = opened()
    facets = shown.ask_of(TRAJECTORIES, reading.facets)
    came = adopt(PAGE, one=SINGLE, many=SEVERAL)
    with st.sidebar:
        run, wanted = _filters(shown, facets)
    filtered = wanted, traces_search.asked()
    if not came and st.session_state.get(key(PAGE, "filter")) != filtered:
        st.session_state[key(PAGE, "page")] = None
    st.session_state[key(PAGE, "filter")] = filtered
    keep(PAGE, _address(run))
    named = st.session_state[key(PAGE, "trajectory")]
    if named:
        _read(shown, named, run, wanted)
    else:
        _list(shown, facets, wanted)


def _filters(shown: Opened, facets: reading.Facets) -> tuple[dict[str, Any] | None, reading.Filter]:
    text = (
        st.text_input(
            "Search", key=key(PAGE, "q"), placeholder="words, or what is said", icon=":material/search:"
        )
        or ""
    )
    way = traces_search.way()
    places = _places(drawn=bool(text) and way != "meaning")
    run = choices.run(PAGE, shown)
    book = codebook.load()
    pattern, verdict = None, None
    if run is not None:
        patterns = shown.ask(reading.patterns_of, run["run"])
        known = [p for p in book.ids() if p in patterns] + [p for p in patterns if p not in book]
        pattern = _pattern(known, book)
        verdict = _verdict() if pattern else None
    series = choices.one(PAGE, "series", "Series", facets.counts("series"))
    kept = {"series": [series] if series else []}
    kept["checkpoint"] = choices.many(PAGE, "checkpoint", "Checkpoint", facets.counts("checkpoint", **kept))
    kept["environment"] = choices.many(PAGE, "environment", "Environment", facets.counts("environment"))
    kept["variant"] = choices.many(
        PAGE, "variant", "Variant", facets.counts("variant", environment=kept["environment"])
    )
    kept["reasoning_state"] = choices.many(
        PAGE, "state", "Reasoning", facets.counts("reasoning_state"), choices.READABLE_NAMES
    )
    return run, reading.Filter(
        scope=Scope({column: tuple(values) for column, values in kept.items() if values}),
        run_id=run["run"] if run else None,
        pattern=pattern,
        verdict=verdict,
        text=text if way != "meaning" else "",
        regex=way == "regex",
        places=tuple(places) or ("reasoning",),
    )


def _places(drawn: bool) -> list[str]:
    if not drawn:  # Streamlit forgets the key of a box that is drawn no more, unless it is set
        st.session_state[key(PAGE, "in")] = st.session_state.get(key(PAGE, "in")) or []
        return []
    return choices.many(PAGE, "in", "Search in", dict.fromkeys(reading.PLACES), placeholder="Reasoning")


def _pattern(known: list[str], book: codebook.Codebook) -> str | None:
    held = key(PAGE, "pattern")
    asked = st.session_state.get(held)
    asked = asked[-1] if isinstance(asked, list) and asked else asked
    if asked and asked not in known:
        st.warning(f"This run has no verdicts on {plain(asked, 60)}; the choice was left out.")
    st.session_state[held] = asked if asked in known else None
    return st.selectbox("Pattern", known, None, format_func=book.name_of, placeholder="Any", key=held)


def _verdict() -> str:
    held = key(PAGE, "verdict")
    if st.session_state.get(held) not in VERDICT_NAMES:
        st.session_state[held] = "present"
    return st.selectbox("Verdict", list(VERDICT_NAMES), format_func=VERDICT_NAMES.__getitem__, key=held)


def _address(run: dict[str, Any] | None) -> dict[str, Any]:
    held = {name: st.session_state.get(key(PAGE, name)) for name in (*SINGLE, *SEVERAL)}
    held["run"] = run["run"] if run else None
    if not held["pattern"]:
        held["verdict"] = None
    if not held["trajectory"]:
        held["segment"] = held["beside"] = None
    return held


def _list(shown: Opened, facets: reading.Facets, wanted: reading.Filter) -> None:
    if asked := traces_search.asked():
        _title_line(facets)
        traces_search.draw(shown, asked, wanted, _address_now(), _open)
        return
    with st.spinner("Searching…", show_time=True):
        found = shown.ask(reading.matching, wanted, tuple(facets.checkpoints))
    pages = max(1, -(-len(found) // ROWS))
    page = min(_number(st.session_state[key(PAGE, "page")]) or 1, pages)
    _title_line(facets)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.text(_told(len(found), facets.total(), page))
        if pages > 1:
            _pager(page, pages)
    if not len(found):
        st.write("No trace passes these filters. Take one away in the sidebar to see more.")
        return
    rows = shown.ask(reading.excerpts, tuple(int(n) for n in found[(page - 1) * ROWS : page * ROWS]), wanted)
    if wanted.run_id:
        rows = _as_seen(shown, rows, wanted, wanted.run_id)
    synthetic = facets.counts("synthetic")
    mixed = sum(synthetic.values()) < facets.total() or len(synthetic) > 1
    address = {name: value for name, value in _address_now().items() if name != "page"}
    hits(rows, codebook.load(), key(PAGE, "hits"), wanted, address, _open, mixed)


def _title_line(facets: reading.Facets) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title("Traces", anchor=False, width="content")
        choices.synthetic_badge(facets.counts("synthetic"), facets.total())


def _as_seen(
    shown: Opened, rows: list[dict[str, Any]], wanted: reading.Filter, run_id: str
) -> list[dict[str, Any]]:
    """The rows without a run's patterns on traces that the reader may still label blind, unless they ask for one."""
    if wanted.pattern is None:
        closed = seen.still_blind(shown, [row["trajectory_id"] for row in rows])
        if closed:
            st.caption(f"What the run says of {count(len(closed), 'trace')} here is left out: you can still label them blind. Opening one ends that.")  # fmt: skip
        rows = [{**row, "patterns": []} if row["trajectory_id"] in closed else row for row in rows]
    told = [row["trajectory_id"] for row in rows if row["patterns"] or wanted.pattern]
    seen.show(shown, run_id, told)
    return rows


def _told(found: int, total: int, page: int) -> str:
    if not found:
        return f"0 of {total:,}"
    return f"{(page - 1) * ROWS + 1:,} to {min(page * ROWS, found):,} of {count(found, 'trace')}" + (
        "" if found == total else f", out of {total:,}"
    )


def _pager(page: int, pages: int) -> None:
    with st.container(horizontal=True, width="content", gap="small"):
        _step("Previous page", ":material/chevron_left:", "page", page - 1 if page > 1 else None)
        _step("Next page", ":material/chevron_right:", "page", page + 1 if page < pages else None)


def _step(label: str, icon: str, name: str, value: Any, shortcut: str | None = None) -> None:
    """A button that puts a value into the address."""

    def go() -> None:
        st.session_state[key(PAGE, name)] = str(value)
        if name == "trajectory":
            st.session_state[key(PAGE, "segment")] = st.session_state[key(PAGE, "beside")] = None

    st.button(
        label, icon=icon, key=key(PAGE, f"to.{label}"), on_click=go, disabled=value is None, shortcut=shortcut
    )


def _open(trajectory: str, segment: int | None = None) -> None:
    st.session_state[key(PAGE, "trajectory")] = trajectory
    st.session_state[key(PAGE, "segment")] = None if segment is None else str(segment)
    st.session_state[key(PAGE, "beside")] = None


def _address_now() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _read(shown: Opened, named: str, run: dict[str, Any] | None, wanted: reading.Filter) -> None:
    run_id = run["run"] if run else None
    try:
        trace = shown.ask(traces.read_trajectory, named, run_id)
    except UserError as error:
        _back()
        st.error(plain(error, 400))
        return
    others = shown.ask(
        traces.same_prompt,
        {name: trace.trajectory[name] for name in ("trajectory_id", "prompt_id", "environment", "variant")},
    )
    beside = _head(shown, trace, others, wanted)
    held = key(PAGE, "segment")

    def address_sentence(number: int) -> None:
        st.session_state[held] = str(number)

    if run:
        seen.show(shown, run["run"], filter(None, (trace.trajectory["trajectory_id"], beside)))
    book = codebook.load()
    segment = _number(st.session_state[held])
    if beside is None:
        reader(trace, book, key(PAGE, "reader"), segment, address_sentence)
        return
    left, right = st.columns(2, gap="small")
    with left:
        _side(trace)
        reader(trace, book, key(PAGE, "left"), segment, address_sentence, beside=True)
    with right:
        other = shown.ask(traces.read_trajectory, beside, run_id)
        _side(other)
        reader(other, book, key(PAGE, "right"), beside=True)


def _head(shown: Opened, trace: Trace, others: list[dict[str, Any]], wanted: reading.Filter) -> str | None:
    """The line above a trace: back, what it is, previous and next, and what to hold beside it."""
    row = trace.trajectory
    found = shown.ask(reading.matching, wanted, tuple(shown.ask_of(TRAJECTORIES, reading.facets).checkpoints))
    place = next(iter((found == row["row_id"]).nonzero()[0]), None)
    near = _neighbours(shown, found, place)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _back()
        _step("Previous", ":material/chevron_left:", "trajectory", near[0], "shift+left")
        _step("Next", ":material/chevron_right:", "trajectory", near[1], "shift+right")
        st.text(
            f"{place + 1:,} of {len(found):,}"
            if place is not None
            else "not among the traces that the filters keep",
            width="content",
        )
        st.space("stretch")
        beside = _beside(others)
    if beside is None:
        with st.container(horizontal=True, vertical_alignment="center", key="trace-title"):
            st.subheader(plain(" · ".join(_title(row))), anchor=False, width="content")
            _badge(row)
    return beside


def _neighbours(shown: Opened, found: Any, place: int | None) -> tuple[str | None, str | None]:
    if place is None:
        return None, None
    rows = [int(found[n]) for n in (place - 1, place + 1) if 0 <= n < len(found)]
    ids = iter(shown.ask(reading.ids_of, tuple(rows)))
    return (next(ids) if place > 0 else None, next(ids) if place + 1 < len(found) else None)


def _title(row: dict[str, Any]) -> list[str]:
    sample = f"sample {row['sample']}" if row["sample"] is not None else None
    return [str(part) for part in (row["checkpoint"] or "no checkpoint", row["variant"], sample) if part]


def _side(trace: Trace) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(" · ".join(_title(trace.trajectory))), anchor=False, width="content")
        _badge(trace.trajectory)


def _badge(row: dict[str, Any]) -> None:
    if row["synthetic"]:
        choices.synthetic_badge({row["synthetic"]: 1}, 1)


def _beside(others: list[dict[str, Any]]) -> str | None:
    """Choose another rollout of the same prompt."""
    held = key(PAGE, "beside")
    named = {other["trajectory_id"]: " · ".join(_title({**other, "variant": None})) for other in others}
    if st.session_state.get(held) not in named:
        st.session_state[held] = None
    if not named:
        st.text("no other rollout of this prompt", width="content")
        return None
    return st.selectbox(
        "Beside it",
        list(named),
        None,
        format_func=named.__getitem__,
        placeholder=f"Compare with one of {len(named)}",
        key=held,
        label_visibility="collapsed",
        width=250,
    )


def _back() -> None:
    def go() -> None:
        for name in ("trajectory", "segment", "beside"):
            st.session_state[key(PAGE, name)] = None

    st.button("All traces", icon=":material/arrow_back:", key=key(PAGE, "back"), on_click=go, type="tertiary")


def _number(text: Any) -> int | None:
    return int(text) if str(text or "").isdecimal() else None


with one_line_errors():
    main()
