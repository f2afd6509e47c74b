"""What the person before the browser sees of a run's word on traces, written down for their blindness.

While nobody has signed in, the session keeps what it showed, and the first name that is chosen in it has seen it. A
sign-in at a provider begins a new session, so where there is one it comes first.
"""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from analysis.store import Store
from labels.seen import open_to, saw
from views.person import by_provider, signed_in
from views.plain import count, plain
from views.store import Opened

SHOWN = "seen.shown"
"""Where a session keeps it: {(store's path, run): trajectory ids}."""
SIGN_IN = "What a run or people say of single traces is shown to people who are signed in: so it is known who can still label them blind."


def show(shown: Opened, run_id: str | None, trajectory_ids: Iterable[str]) -> None:
    """Note that these trajectories' verdicts, or where there is no run people's labels, are on the page.

    Where nobody may see them before a sign-in, the page ends here.
    """
    ids = set(trajectory_ids)
    if not ids:
        return
    if name := signed_in():
        saw(shown.store, name, ids, run_id)
    elif by_provider():
        st.write(SIGN_IN)
        st.button("Sign in", on_click=st.login, type="primary")
        st.stop()
    else:
        held = st.session_state.setdefault(SHOWN, {})
        held.setdefault((shown.store.target, run_id), set()).update(ids)


def still_blind(shown: Opened, trajectory_ids: Iterable[str]) -> set[str]:
    """Which of these the person here, if it is known who that is or will be, may still label blind."""
    name = signed_in()
    if name is None and not by_provider():
        return set()
    return set(trajectory_ids) - (shown.ask(open_to, name) if name else set())


def settle() -> None:
    """Write down what a session showed before somebody signed in, and tell them."""
    if st.session_state.get(SHOWN) and (name := signed_in()):
        ended = 0
        for (path, run_id), ids in st.session_state.pop(SHOWN).items():
            ended += saw(Store(path), name, ids, run_id)
        if ended:
            st.toast(
                f"What others say of {count(ended, 'trace')} was shown here before. What {plain(name)} labels on them is not blind."
            )
