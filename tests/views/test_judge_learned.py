"""The Judge page on a run of the learned tagger."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analysis.learned.tagging import Settings, tag_with_learned
from analysis.store import Store
from labels.training import examples
from tests.learned.made import BOOK, labelled

ROOT = Path(__file__).parents[2]


def test_the_page_shows_what_was_learned_how_good_it_is_with_n_and_intervals_and_what_was_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    with store.session() as db:
        labelled(store)
        done = tag_with_learned(store, BOOK, examples(db, BOOK), Settings("tfidf"))
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        at.switch_page("views/judge.py")
        at.query_params["run"] = done.run_id
        at.run()
    assert not at.exception, at.exception
    [told] = [each.as_row() for each in done.quality]
    row = at.dataframe[0].value.iloc[0]
    assert row["name"] == "Verbalized evaluation awareness"
    assert row[["present", "absent", "sensitivity_n", "specificity_n", "auc_n"]].tolist() == [
        24,
        24,
        24,
        24,
        48,
    ]
    low, high = (f"{told[f'auc_{end}']:.2f}" for end in ("low", "high"))
    assert row["auc"] == f"{told['auc']:.2f} ({low} to {high})"
    words = " ".join(each.value for each in at.caption).replace("\\", "")
    assert (
        "Learned from 672 blind labels on 48 traces of 6 prompts" in words and "Held out by prompt" in words
    )
    assert "Decoding the hint (0 labelled traces show it, and 20 are needed)" in words
    assert [chart.proto.alt.split(" of")[0] for chart in at.get("vega_lite_chart")][:3] == [
        "Sensitivity",
        "Specificity",
        "AUC",
    ]
