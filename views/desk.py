"""The labelling desk as a component: the trace is sent once, actions come back one by one and are answered shortly.

`desk.js` draws and knows the keys. A second component, `link.js`, stands in a fragment of its own and is all that is
drawn again for an action: what it received is on disk before it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from labels.actions import perform
from labels.fold import to_redo, to_undo
from labels.labeling import Desk, reveal
from views.desk_keys import KEYS, PATTERN_KEYS
from views.palette import mark
from views.store import Opened

HERE = Path(__file__).parent
TURNING = frozenset({"submit", "reveal", "skip", "next"})
"""Actions after which the whole page is drawn again."""

_desk = st.components.v2.component(
    "telltale_desk",
    css=(HERE / "desk.css").read_text(encoding="utf-8"),
    js=(HERE / "desk.js").read_text(encoding="utf-8"),
)
_link = st.components.v2.component("telltale_link", js=(HERE / "link.js").read_text(encoding="utf-8"))


def desk(shown: Opened, at: Desk, run_id: str | None, turn: str) -> None:
    """Show the desk.

    Args:
        shown: The store.
        at: The trace, as a person has it before them.
        run_id: The run to compare with after submit; None while there is none.
        turn: A key of the session's state, set when the next trace is wanted.
    """
    told = None
    if at.state.revealed and run_id:
        at, rows = reveal(shown.store, at, run_id)
        told = [
            {
                "pattern": row.pattern,
                "name": at.codebook.name_of(row.pattern),
                "verdict": row.verdict,
                "score": row.score,
                "quotes": [
                    {name: quote[name] for name in ("stance", "quote", "why")} for quote in row.quotes
                ],
            }
            for row in rows
        ]
    _desk(
        key=f"label.desk.{at.name}",
        data={**trace_data(at), "state": state_data(at), "told": told, "can_reveal": run_id is not None},
    )
    _carry(shown, at, run_id, turn)


def trace_data(at: Desk) -> dict[str, Any]:
    """What of the trace and the codebook the script draws. It holds nothing that a blind person may not see."""
    order = at.codebook.ids()
    last = 0
    sentences = []
    for sentence in at.sentences:
        gap = at.reasoning[last : sentence.start_char]
        sentences.append({
            "start": sentence.start_char,
            "end": sentence.end_char,
            "text": sentence.text,
            "paragraph": gap.count("\n") > 1,
        })  # fmt: skip
        last = sentence.end_char
    return {
        "item": at.name,
        "prompt": [[role, str(text)] for role, text in at.prompt],
        "sentences": sentences,
        "patterns": [
            {
                "id": pattern.id,
                "name": pattern.name,
                "colour": mark(pattern.id, order)[0],
                "dotted": mark(pattern.id, order)[1],
                "guideline": _guideline(pattern),
            }
            for pattern in at.codebook.patterns
        ],
        "pattern_keys": list(PATTERN_KEYS),
        "keys": [{"action": key.action, "keys": key.keys, "does": key.does} for key in KEYS],
    }


def state_data(at: Desk) -> dict[str, Any]:
    """What this person has said of the trace so far, as far as it is on disk."""
    state = at.state
    return {
        "saved": len(at.events),
        "labels": {
            pattern: {
                "value": label.value,
                "none": label.no_single_quote,
                "by_quote": label.by_quote,
                "reviewed": label.reviewed,
                "quotes": [
                    {"start": start, "end": end, "stance": quote.stance, "role": quote.role}
                    for (start, end), quote in label.quotes.items()
                ],
            }
            for pattern, label in state.labels.items()
        },
        "note": state.note,
        "flagged": state.flagged,
        "submitted": state.submitted,
        "undo": to_undo(at.events) is not None,
        "redo": to_redo(at.events) is not None,
    }


@st.fragment
def _carry(shown: Opened, at: Desk, run_id: str | None, turn: str) -> None:
    held, answer = f"label.link.{at.name}", f"label.ack.{at.name}"

    def received() -> None:
        sent = st.session_state[held].get("sent")
        if sent:
            st.session_state[answer] = _take(shown, at, run_id, sent, turn)

    _link(
        key=held,
        data={"item": at.name, "ack": st.session_state.get(answer)},
        on_sent_change=received,
        height=1,
    )
    if st.session_state.pop(f"{turn}.page", False):
        st.rerun()


def _take(shown: Opened, at: Desk, run_id: str | None, sent: Mapping[str, Any], turn: str) -> dict[str, Any]:
    """Do what was sent, and the answer to it."""
    actions = [action for action in sent["actions"] if action["do"] != "next"]
    now, refused = perform(shown.store, at, actions, sent.get("tab"), run_id)
    for action in sent["actions"]:
        if action["do"] in TURNING and action["id"] not in refused:
            st.session_state[f"{turn}.page"] = True
            if action["do"] == "next" or action.get("then") == "next":
                st.session_state[turn] = True
    done = [action["id"] for action in sent["actions"]]
    return {
        "item": at.name,
        "tab": sent.get("tab"),
        "done": done,
        "refused": refused,
        "state": state_data(now),
    }


def _guideline(pattern: Any) -> list[list[str]]:
    titled = (
        ("Counts", pattern.include),
        ("Does not count", pattern.exclude),
        ("Example", pattern.examples),
        ("Near miss", pattern.near_misses),
        *((name.capitalize(), values) for name, values in pattern.attributes.items()),
    )
    return [["", pattern.definition], *([title, "; ".join(texts)] for title, texts in titled if texts)]
