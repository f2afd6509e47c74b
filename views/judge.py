"""One run closely: how far it is and what it cost, how it agrees with people, its repeats, and another run beside it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from analysis import codebook, reading, runs
from analysis.measure.judge_books import settings_of
from views import choices, judge_agreement, judge_disagreements, judge_run, judge_runs
from views.address import adopt, keep, key
from views.judge_parts import PAGE, TITLES, Shown
from views.store import TRAJECTORIES, one_line_errors, opened

PARTS: dict[str, Callable[[Shown], None]] = {
    "run": judge_run.draw,
    "agreement": judge_agreement.draw,
    "disagreements": judge_disagreements.draw,
    "repeats": judge_runs.draw_repeats,
    "compare": judge_runs.draw_compared,
}
NAMES = ("run", "part", "pattern", "kind", "with")
NO_JUDGE = "telltale tag --tagger judge --model MODEL --dry-run    # what it would cost\ntelltale tag --tagger judge --model MODEL"


def main() -> None:
    """Draw the page."""
    shown = opened()
    facets = shown.ask_of(TRAJECTORIES, reading.facets)
    adopt(PAGE, one=NAMES)
    with st.sidebar:
        run = choices.run(PAGE, shown)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title("Judge", anchor=False, width="content")
        choices.synthetic_badge(facets.counts("synthetic"), facets.total())
    if run is None:
        choices.no_run_yet()
        _how_to_judge()
        return
    listed = {row["run"]: row for row in shown.ask(runs.listed)}
    page = Shown(shown, run, listed, codebook.load())
    _which(page)
    judge_run.facts(page)
    part = _part()
    PARTS[part](page)
    held = {name: st.session_state.get(key(PAGE, name)) for name in NAMES}
    used = {"agreement": ("pattern",), "disagreements": ("pattern", "kind"), "compare": ("with",)}.get(
        part, ()
    )
    keep(
        PAGE, {"run": page.id, "part": part if part != "run" else None, **{name: held[name] for name in used}}
    )


def _which(page: Shown) -> None:
    """What the run is, and what to do where no judge has run."""
    st.text(" · ".join(_described(page)))
    if not any(row["tagger"] == "judge" for row in page.listed.values()):
        st.info(
            "No judge has run here: what follows is about a tagger that asks no model. It has no tokens or cost; its agreement "
            "with people is measured the same way."
        )
        _how_to_judge()


def _described(page: Shown) -> list[str]:
    """What makes the run what it is, in words."""
    config = page.store.ask(settings_of, page.id)
    prompt = config.get("prompt")
    parts = [page.id, page.run["tagger"] if not config.get("model") else config["model"]]
    if isinstance(prompt, dict):
        parts.append(f"prompt {prompt.get('version')} ({str(prompt.get('sha256', ''))[:8]})")
    parts += [f"codebook revision {config['codebook']}"] if config.get("codebook") is not None else []
    parts += [str(config["base_url"])] if config.get("base_url") else []
    parts += ["responses API"] if config.get("api") == "responses" else []
    parts += [f"{name} {value}" for name, value in (config.get("settings") or {}).items()]
    parts += [f"{config['votes']} votes"] if config.get("votes", 1) != 1 else []
    parts += [f"repeat {config['repeat']}"] if config.get("repeat", 1) != 1 else []
    return parts


def _how_to_judge() -> None:
    st.write(
        "A judge is a model behind any OpenAI-compatible endpoint, also one on your own machine (docs/judge.md):"
    )
    st.code(NO_JUDGE, language="bash")


def _part() -> str:
    held = key(PAGE, "part")
    if st.session_state.get(held) not in PARTS:
        st.session_state[held] = "run"
    chosen = st.segmented_control(
        "Part",
        list(PARTS),
        format_func=TITLES.__getitem__,
        key=held,
        required=True,
        label_visibility="collapsed",
    )
    return str(chosen or "run")


with one_line_errors():
    main()
