"""Ctrl-C, wherever it comes, is one line and exit status 130."""

from __future__ import annotations

from typing import Any

import pytest

import telltale


def in_a_query(**_: Any) -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        raise RuntimeError("Query interrupted") from error  # as DuckDB does


def test_in_the_midst_of_a_query_it_is_the_same_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(telltale.cli, "main", in_a_query)
    with pytest.raises(SystemExit) as ended:
        telltale.main()
    assert ended.value.code == 130
    told = capsys.readouterr().err
    assert told == "telltale: stopped; what was done is kept, and the same command goes on from there\n"


def test_any_other_error_of_that_kind_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telltale.cli, "main", lambda **_: (_ for _ in ()).throw(RuntimeError("a fault")))
    with pytest.raises(RuntimeError, match="a fault"):
        telltale.main()
