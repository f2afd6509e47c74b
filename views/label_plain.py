"""The Label page in Streamlit's own widgets (`?reader=plain`): the same actions without the component."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from analysis import codebook
from analysis.errors import UserError
from analysis.store import Store
from labels.fold import State, to_redo, to_undo
from labels.labeling import Desk, Revealed, act, answer, mark, redo, reveal, sit_down, submit, undo
from views import choices
from views.desk_keys import PATTERN_KEYS
from views.plain import count, plain
from views.store import Opened

PAGE = "label"
SENTENCES_A_PAGE = 40
VALUES = ("present", "absent", "unsure")
STANCES = ("asserts", "entertains", "rejects")
ROLES = ("passing", "weighed", "decisive")
_keys = st.components.v2.component(
    "telltale_keys", js=Path(__file__).with_name("keys.js").read_text(encoding="utf-8")
)


class PlainDesk:
    """The parts of the page for one desk. Each action is committed before the page is drawn again."""

    def __init__(self, shown: Opened, desk: Desk) -> None:
        self.shown = shown
        self.desk = desk
        self.state: State = desk.state

    def draw(self) -> None:
        """Draw all of it."""
        _keys(key=f"{PAGE}.keys", height=1)
        left, right = st.columns([3, 2], gap="large")
        with left:
            self.prompt()
            self.sentences()
        with right:
            if self.desk.state.submitted:
                self.compare()
            else:
                self.patterns()
            self.evidence()
            self.note()
        self.foot()

    def key(self, *parts: object) -> str:
        """A widget's key that belongs to this trace and person alone."""
        return ".".join((PAGE, self.desk.name, *map(str, parts)))

    def do(self, action: Callable[[Store, Desk], Desk]) -> None:
        """Do something to the trace as the store has it now; what is refused is shown on the next draw."""
        with self._refusals(), self.shown.store.session() as db:
            desk = sit_down(
                db, self.desk.annotator, self.desk.trajectory_id, self.desk.codebook, self.desk.repeat
            )
            action(self.shown.store, desk)

    def prompt(self) -> None:
        """What the model was asked, folded away."""
        with st.expander("Prompt", expanded=len(self.desk.sentences) < 12):
            for role, text in self.desk.prompt:
                st.caption(plain(role))
                st.text(text)
            if not self.desk.prompt:
                st.caption("No prompt came with this trace.")

    def sentences(self) -> None:
        """The reasoning as numbered sentences; ticking them selects them for a quote."""
        found = self.desk.sentences
        pages = -(-len(found) // SENTENCES_A_PAGE)
        first = 0
        if pages > 1:
            first = (st.pagination(pages, key=self.key("page")) - 1) * SENTENCES_A_PAGE
        marks = _marks(self.state)
        with st.container(height=640, border=True, key="label-reasoning", gap=None):
            for sentence in found[first : first + SENTENCES_A_PAGE]:
                here = [
                    (pattern, quote)
                    for (start, end), pattern, quote in marks
                    if start < sentence.end_char and end > sentence.start_char
                ]
                held = self.key("sentence", sentence.number)
                if "\n" in sentence.text:
                    st.checkbox(f"{sentence.number}", key=held)
                    st.code(sentence.text, language=None, wrap_lines=True)
                else:
                    st.checkbox(f"{sentence.number}\\. {plain(sentence.text, 20_000)}", key=held)
                if here:
                    with st.container(horizontal=True, key=f"label-chips-{sentence.number}"):
                        for pattern, quote in here:
                            name = self.desk.codebook.name_of(pattern)
                            st.badge(
                                f"{plain(name)} · {quote.stance or 'asserts'}",
                                color="blue" if quote.makes_present() else "gray",
                            )

    def patterns(self) -> None:
        """Each pattern with its state, and the button that quotes the ticked sentences for it."""
        how = st.container(horizontal=True, vertical_alignment="bottom")
        stance = how.segmented_control(
            "A quote", STANCES, default="asserts", required=True, key=f"{PAGE}.stance"
        )
        role = how.segmented_control(
            "as", ROLES, key=f"{PAGE}.role", help="What the passage does for the answer. It may be left open."
        )
        rows = st.container(gap=None, key="label-patterns")
        for place, pattern in enumerate(self.desk.codebook.patterns):
            shortcut = PATTERN_KEYS[place] if place < len(PATTERN_KEYS) else None
            label = self.state.label(pattern.id)
            held = self.key("value", pattern.id)
            st.session_state[held] = label.value
            with rows.container(
                horizontal=True, vertical_alignment="center", key=f"label-pattern-{pattern.id}"
            ):
                st.button(
                    plain(pattern.name), key=self.key("quote", pattern.id), shortcut=shortcut, help=_guideline(pattern), width=255,
                    type="primary" if label.value == "present" else "secondary",
                    on_click=self._quote, args=(pattern.id, stance, role),
                )  # fmt: skip
                st.segmented_control(
                    plain(pattern.name), VALUES, key=held, label_visibility="collapsed",
                    on_change=self._say, args=(pattern.id, held),
                )  # fmt: skip
                if label.value == "present" and pattern.id in [
                    *self.state.lacking_quotes(),
                    *_unquotable(self.state),
                ]:
                    ticked = self.key("none", pattern.id)
                    st.session_state[ticked] = label.no_single_quote
                    st.checkbox(
                        "no single quote",
                        key=ticked,
                        on_change=self._no_single_quote,
                        args=(pattern.id, ticked),
                    )
        with st.expander("Guidelines: definition, example and near miss of each pattern"):
            for pattern in self.desk.codebook.patterns:
                st.markdown(f"**{plain(pattern.name)}**")
                st.markdown(_guideline(pattern))

    def evidence(self) -> None:
        """The quotes that were taken, each with a way to take it off again."""
        marks = _marks(self.state)
        st.markdown(f"**Evidence** · {count(len(marks), 'quote')}")
        if not marks and not self.state.submitted:
            st.caption(
                "Tick the sentences that show a pattern, then press the pattern's button or its key. What you leave open becomes absent when you submit."
            )
        for (start, end), pattern, quote in marks:
            with st.container(
                horizontal=True, vertical_alignment="center", key=self.key("held", pattern, start, end)
            ):
                st.badge(
                    plain(self.desk.codebook.name_of(pattern)),
                    color="blue" if quote.makes_present() else "gray",
                )
                st.text(
                    f"{quote.stance or 'asserts'}{', ' + quote.role if quote.role else ''}: “{quote.quote}”",
                    width="stretch",
                )
                st.button(
                    "Remove", key=self.key("remove", pattern, start, end), type="tertiary", icon=":material/close:",
                    on_click=self._act, args=("remove_quote",), kwargs={"pattern": pattern, "start_char": start, "end_char": end},
                )  # fmt: skip

    def note(self) -> None:
        """A note on the trace, saved when the field is left."""
        held = self.key("note")
        st.session_state[held] = self.state.note or ""
        st.text_area("Note", key=held, height=70, on_change=self._note, args=(held,))

    def compare(self) -> None:
        """After submit: what a run says beside one's own words, to accept or dismiss."""
        st.markdown(
            "**Submitted.** Your own labels are kept as they were; what you change now is marked as review."
        )
        run = choices.run(PAGE, self.shown)
        if run is None:
            st.caption("No run has judged this store yet, so there is nothing to compare with.")
            return
        if not self.state.revealed:
            st.button("Reveal the run's verdicts", shortcut="V", on_click=self._reveal, args=(run["run"],))
            return
        self.desk, told = reveal(self.shown.store, self.desk, run["run"])
        self.state = self.desk.state
        both_absent = [
            each for each in told if each.verdict == "absent" and self.state.value(each.pattern) == "absent"
        ]
        if not told:
            st.caption("This run has no verdict on this trace.")
        open_ones = [each for each in told if each not in both_absent]
        for each in open_ones:
            self._told(
                each, run["run"], first=each == next((e for e in open_ones if e.reviewed is None), None)
            )
        if both_absent:
            st.caption(
                f"Absent by both: {', '.join(plain(self.desk.codebook.name_of(e.pattern)) for e in both_absent)}"
            )

    def foot(self) -> None:
        """Undo, redo, skip, flag, submit and next."""
        events = self.desk.events
        with st.bottom, st.container(horizontal=True, key="label-foot", vertical_alignment="center"):
            st.button("Undo", shortcut="Z", disabled=to_undo(events) is None, on_click=self.do, args=(undo,))
            st.button(
                "Redo", shortcut="Shift+Z", disabled=to_redo(events) is None, on_click=self.do, args=(redo,)
            )
            flag = "Take the flag off" if self.state.flagged else "Flag"
            st.button(
                flag,
                shortcut="F",
                on_click=self._act,
                args=("flag",),
                kwargs={"new": str(not self.state.flagged).lower()},
            )
            if self.state.submitted:
                st.button("Next trace", type="primary", shortcut="Ctrl+Enter", on_click=_next)
                return
            reason = st.text_input(
                "Reason to skip",
                key=self.key("reason"),
                label_visibility="collapsed",
                placeholder="Reason to skip",
                width=200,
            )
            st.button(
                "Skip",
                shortcut="S",
                on_click=self._leave,
                args=("skip",),
                kwargs={"note": reason or "no reason given"},
            )
            st.button(
                "Submit and compare",
                shortcut="V",
                on_click=self.do,
                args=(submit,),
                help="Shows what a run says of this trace, after your own labels are kept.",
            )
            st.button(
                "Submit and next", type="primary", shortcut="Ctrl+Enter", on_click=self._submit_and_next
            )

    def _told(self, each: Revealed, run_id: str, first: bool) -> None:
        mine = self.state.value(each.pattern) or "not judged"
        with st.container(border=True):
            score = f" ({each.score:.0f} of 100)" if each.score is not None else ""
            st.markdown(
                f"**{plain(self.desk.codebook.name_of(each.pattern))}** — you: {mine} · run: {plain(each.verdict)}{score}"
            )
            for quote in each.quotes:
                st.text(f"{quote['stance'] or ''}: “{quote['quote']}” {quote['why'] or ''}")
            if each.reviewed:
                st.caption(f"You {each.reviewed} it.")
                return
            with st.container(horizontal=True):
                for label, shortcut, accept in (("Accept", "A", True), ("Dismiss", "D", False)):
                    st.button(
                        label, key=self.key(label, each.pattern), shortcut=shortcut if first else None,
                        help="Takes the run's verdict and quotes as yours" if accept else "Keeps your own word",
                        on_click=self.do, args=(partial(_answer, shown=each, run_id=run_id, accept=accept),),
                    )  # fmt: skip

    def _refusals(self) -> Any:
        return _Refusals()

    def _act(self, op: Any, **what: Any) -> None:
        self.do(lambda store, desk: act(store, desk, op, **what))

    def _leave(self, op: Any, **what: Any) -> None:
        self._act(op, **what)
        _next()

    def _quote(self, pattern: str, stance: str | None, role: str | None) -> None:
        ticked = [
            s.number for s in self.desk.sentences if st.session_state.get(self.key("sentence", s.number))
        ]
        if not ticked:
            st.session_state[f"{PAGE}.refusal"] = (
                "Tick the sentences to quote first; a pattern's state can be set beside its button."
            )
            return
        self.do(lambda store, desk: mark(store, desk, pattern, ticked, stance=stance, role=role))
        for number in ticked:
            st.session_state[self.key("sentence", number)] = False

    def _say(self, pattern: str, held: str) -> None:
        self._act("set", pattern=pattern, new=st.session_state[held])

    def _no_single_quote(self, pattern: str, held: str) -> None:
        self._act(
            "set", pattern=pattern, new="present", attributes={"no_single_quote": st.session_state[held]}
        )

    def _note(self, held: str) -> None:
        self._act("note", new=st.session_state[held])

    def _reveal(self, run_id: str) -> None:
        self.do(lambda store, desk: reveal(store, desk, run_id)[0])

    def _submit_and_next(self) -> None:
        self.do(submit)
        if f"{PAGE}.refusal" not in st.session_state:
            _next()


class _Refusals:
    """Keeps what was refused in one line for the next draw."""

    def __enter__(self) -> None:
        st.session_state.pop(f"{PAGE}.refusal", None)

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> bool:
        if isinstance(error, UserError):
            st.session_state[f"{PAGE}.refusal"] = str(error)
            return True
        return False


def _answer(store: Store, desk: Desk, shown: Revealed, run_id: str, accept: bool) -> Desk:
    return answer(store, desk, shown, run_id, accept)


def _next() -> None:
    st.query_params.pop("item", None)


def _marks(state: State) -> list[tuple[tuple[int, int], str, Any]]:
    """(span, pattern, quote) of every quote, in the order of the text."""
    found = [
        (span, pattern, quote)
        for pattern, label in state.labels.items()
        for span, quote in label.quotes.items()
    ]
    return sorted(found, key=lambda each: (each[0], each[1]))


def _unquotable(state: State) -> list[str]:
    return [pattern for pattern, label in state.labels.items() if label.no_single_quote]


def _guideline(pattern: codebook.Pattern) -> str:
    """Definition, what counts, example and near miss, as safe Markdown."""
    lines = [plain(pattern.definition, 600)]
    for title, texts in (
        ("Counts", pattern.include),
        ("Does not count", pattern.exclude),
        ("Example", pattern.examples),
        ("Near miss", pattern.near_misses),
    ):
        if texts:
            lines.append(f"*{title}:* " + "; ".join(plain(text, 300) for text in texts))
    for name, values in pattern.attributes.items():
        lines.append(f"*{plain(name)}:* {', '.join(map(plain, values))}")
    return "\n\n".join(lines)
