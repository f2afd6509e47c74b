"""What the person before the browser sees of a run's word on traces, written down for their blindness.

While nobody has signed in, the session keeps what it showed, and the first name that signs in has seen it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from analysis.store import Store
from labels.seen import saw
from views.person import signed_in
from views.store import Opened

SHOWN = "seen.shown"
"""Where a session keeps it: {(store's path, run): trajectory ids}."""


def show(shown: Opened, run_id: str, trajectory_ids: Iterable[str]) -> None:
    """Note that these trajectories' verdicts and labels are on the page."""
    ids = set(trajectory_ids)
    if name := signed_in():
        saw(shown.store, name, ids, run_id)
    elif ids:
        held = st.session_state.setdefault(SHOWN, {})
        held.setdefault((str(shown.store.path), run_id), set()).update(ids)


def settle() -> None:
    """Write down what a session showed before somebody signed in."""
    if st.session_state.get(SHOWN) and (name := signed_in()):
        for (path, run_id), ids in st.session_state.pop(SHOWN).items():
            saw(Store(Path(path)), name, ids, run_id)
