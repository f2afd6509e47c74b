"""Labels carried over a change of the codebook, so that none is dropped and none says what nobody said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.codebook import Change
from labels.state import Label


def carried(labels: Mapping[str, Label], change: Change) -> Mapping[str, Label]:
    """A trace's labels by pattern, after the change.

    | change | what becomes of labels |
    |---|---|
    | rename | they go by the new id |
    | merge | the new pattern is present where any was, else unsure where any was, else absent where all were |
    | split | absent of the old one is absent of each part; who said present or unsure must look again |
    | redefine, retire | nothing |

    What was split, merged or retired keeps its labels under the old id too.
    """
    if not any(old in labels for old in change.old):
        return labels
    match change.kind:
        case "rename":
            return _renamed(labels, change)
        case "merge":
            [new] = change.new
            return {**labels, new: _merged([labels.get(old, Label()) for old in change.old])}
        case "split":
            [old] = change.old
            if labels[old].value == "absent":
                said = replace(labels[old], quotes={}, note=None)
                return {**labels, **{new: said for new in change.new if new not in labels}}
    return labels


def _renamed(labels: Mapping[str, Label], change: Change) -> Mapping[str, Label]:
    names = dict(zip(change.old, change.new, strict=True))
    return {names.get(pattern, pattern): label for pattern, label in labels.items()}


def _merged(parts: Sequence[Label]) -> Label:
    values = [part.value for part in parts]
    value = "absent" if all(each == "absent" for each in values) else None
    value = next((each for each in ("present", "unsure") if each in values), value)
    deciding = [part for part in parts if part.value == value]
    quotes = {span: quote for part in parts for span, quote in part.quotes.items()}
    if value == "absent":
        quotes = {span: quote for span, quote in quotes.items() if not quote.makes_present()}
    return replace(
        deciding[0] if deciding else Label(),
        value=value,
        explicit=any(part.explicit for part in deciding),
        by_quote=value == "present" and all(part.by_quote for part in deciding),
        no_single_quote=any(part.no_single_quote for part in deciding),
        quotes=dict(sorted(quotes.items())),
        note="; ".join(part.note for part in parts if part.note) or None,
        reviewed=None,
    )
