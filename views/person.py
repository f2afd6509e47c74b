"""Who sits before the browser: a name chosen on this machine, or the one that a sign-in gives.

Where an OpenID Connect provider is configured (`[auth]` in Streamlit's secrets), the name comes from it alone, and
nobody can write under another. Elsewhere the browser remembers the name that was chosen in it.
"""

from __future__ import annotations

from urllib.parse import unquote

import streamlit as st

from labels.labeling import ANNOTATOR
from labels.log import annotators
from views.plain import plain
from views.store import Opened

COOKIE = "telltale_name"
LEFT = "person.left"
CLAIMS = ("email", "preferred_username", "name", "sub")
"""What of a sign-in is taken for the name: the first that it has."""

_remember = st.components.v2.component(
    "telltale_remember",
    js="""export default ({ data }) => {
      document.cookie = `${data.cookie}=${encodeURIComponent(data.name)}; path=/; SameSite=Strict; max-age=${data.name ? 31536000 : 0}`;
    };""",
)


def by_provider() -> bool:
    """Whether names come from an OpenID Connect provider."""
    return st.secrets.load_if_toml_exists() and "auth" in st.secrets


def signed_in() -> str | None:
    """The name of who is here; None while nobody has said it."""
    if by_provider():
        told = (st.user.get(claim) for claim in CLAIMS)
        return next((str(each) for each in told if each), None) if st.user.is_logged_in else None
    if name := st.session_state.get(ANNOTATOR):
        return str(name)
    remembered = st.context.cookies.get(COOKIE)
    if not isinstance(remembered, str) or not remembered or st.session_state.get(LEFT):
        return None
    st.session_state[ANNOTATOR] = unquote(remembered)
    return unquote(remembered)


def ask_name(shown: Opened, title: str, why: str) -> None:
    """Ask for a name, or for a sign-in."""
    st.title(title, anchor=False)
    st.write(why)
    if by_provider():
        st.button("Sign in", on_click=st.login, type="primary")
        return
    if st.session_state.get(LEFT):
        _remember(key="person.forget", data={"cookie": COOKIE, "name": ""}, height=1)
    chosen = st.selectbox(
        "Your name", shown.ask(annotators), index=None, accept_new_options=True, placeholder="Choose your name or type a new one", width=360,
        key="person.name",
    )  # fmt: skip
    if chosen and chosen.strip():
        st.session_state[ANNOTATOR] = chosen.strip()
        st.session_state.pop(LEFT, None)
        st.rerun()


def badge(name: str) -> None:
    """The name, with a way to change it."""
    st.badge(plain(name), icon=":material/person:", color="gray")
    if by_provider():
        st.button("Sign out", type="tertiary", on_click=st.logout)
        return
    st.button("Change name", type="tertiary", on_click=_leave)
    _remember(key="person.remember", data={"cookie": COOKIE, "name": name}, height=1)


def _leave() -> None:
    st.session_state.pop(ANNOTATOR, None)
    st.session_state[LEFT] = True
    st.query_params.clear()
