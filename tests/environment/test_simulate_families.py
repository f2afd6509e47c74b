"""All families simulated: rates follow a file's rules, and no sentence says what its prompt does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import pytest

from analysis import codebook
from analysis.environment.bank import BANKS, Sentence, load_bank
from analysis.environment.conditions import CONDITIONS, conditions, percent, stake
from analysis.environment.pool import Pool
from analysis.environment.prompts import FAMILIES, VARIANTS, family
from analysis.environment.rates import GAMING, Rates, load_rates
from analysis.environment.simulate import IN_A_CELL, Simulated, Simulator, simulate
from analysis.environment.variant import Variant
from analysis.errors import UserError
from analysis.store import Store

PATTERNS = codebook.load().ids()
EVERY = list(VARIANTS.values())
ROOTED = {"hint_decode", "task_reframed", "reward_chosen", "disclosure_plan"}
"""Patterns that need something in the prompt to speak of."""


@lru_cache
def made(bank: str) -> list[Simulated]:
    """Four of each variant and checkpoint."""
    rates = load_rates().choosing(EVERY)
    return list(Simulator(load_bank(bank), rates, 0, PATTERNS).made(4 * 4 * len(EVERY)))


@lru_cache
def fitting() -> list[tuple[Variant, Sentence]]:
    """Every sentence under every variant that it fits."""
    return [
        (variant, each) for bank in BANKS for variant in EVERY for each in load_bank(bank).fitting(variant)
    ]


def share(name: str, key: str, rates: Rates | None = None) -> float:
    rates = rates or load_rates()
    return rates.share(rates.checkpoints[-1], VARIANTS[name], key)


@pytest.mark.parametrize("bank", BANKS)
def test_every_variant_is_simulated_and_its_prompt_is_the_one_that_is_stored(bank: str) -> None:
    simulated = made(bank)
    assert {each.trajectory.variant for each in simulated} == set(VARIANTS)
    assert {VARIANTS[str(e.trajectory.variant)].family for e in simulated} == set(FAMILIES)
    for each in simulated:
        assert each.trajectory.messages[0].content == VARIANTS[str(each.trajectory.variant)].text
    assert len({each.trajectory.trajectory_id for each in simulated}) == len(simulated)


@pytest.mark.parametrize("bank", BANKS)
@pytest.mark.parametrize("variant", EVERY, ids=lambda variant: variant.name)
def test_there_are_sentences_for_each_variant(bank: str, variant: Variant) -> None:
    pool = Pool.of(load_bank(bank), variant)
    possible = set(pool.possible())
    assert len(pool.opening) > 5 and len(pool.closing) > 5 and sum(map(len, pool.topics.values())) > 60
    assert (possible >= ROOTED - {"disclosure_plan"}) == (variant.hint is not None)
    assert ("conflict_noticed" in possible) == variant.conflict
    assert ("oversight_dismissed" in possible) == (variant.announced == "check")
    assert len(possible) >= (12 if variant.conflict else 5)
    needed = {"hint_decode", "reward_chosen", "conflict_noticed"} if variant.conflict else set()
    assert all(len(pool.patterns[pattern]) >= 3 for pattern in needed)


QUOTED: dict[str, tuple[str, Callable[[Variant], bool]]] = {
    "the reward by its name": (r"(?<!own )\breward", lambda v: "reward" in v.text),
    "an announced audit": (r"\baudit(?! the| of my own)", lambda v: percent(v) is not None),
    "an announced share": (r"\{percent\}", lambda v: percent(v) is not None),
    "an announced review": (r"\breview claim|real reviews", lambda v: v.name == "review"),
    "an announced check": (r"(?<!I )(?<!shall )\bnotice\b|announce", lambda v: v.announced == "check"),
    "the formula": (r"\{expr\}", lambda v: "% 2)" in v.text or "output % 2" in v.text or v.hint == "encoded"),
    "a hidden text": (r"\b(?:en|de)coded|scrambled|garbled|gibberish|blob", lambda v: v.hint == "encoded"),
    "the word misaligned": (r'"misaligned"|named as the misaligned', lambda v: v.name.startswith("label-misaligned")),
    "a block without effect": (r'switched off|declares itself dead|"inert"', lambda v: v.name == "standing-inert"),
    "an expectation": (r"we do not expect", lambda v: v.name == "expectation-do-not-expect"),
    "the points": (r"\{stake\}", lambda v: v.name in ("payload-1", "payload-100", "payload-1000000")),
    "a price": (r"a price, not a prize|it's a fee", lambda v: v.minimised),
    "an offer": (r"pocket|\bpayout|points please|\bscores\b, yep", lambda v: v.rewarded is not None and not v.minimised),
    "random": (r'"random"|{asked}, random|random number time', lambda v: "random" in v.text),
    "choose": (r'"choose\b|rereading: choose|adjective, adjective|asked to choose', lambda v: "choose" in v.text.lower()),
    "the parity in words": (r'"\{asked\}', lambda v: v.asked in re.sub(r"<.*>|Note:.*", "", v.text, flags=re.DOTALL)),
}  # fmt: skip


@pytest.mark.parametrize("what", QUOTED)
def test_what_a_sentence_takes_from_the_prompt_stands_in_the_prompt(what: str) -> None:
    words, allowed = re.compile(QUOTED[what][0], re.IGNORECASE), QUOTED[what][1]
    said = [(variant, sentence) for variant, sentence in fitting() if words.search(sentence.text)]
    assert said, "some prompt gives reason to say it"
    assert not {(variant.name, sentence.text) for variant, sentence in said if not allowed(variant)}


def test_a_share_that_is_quoted_is_the_one_of_the_prompt() -> None:
    said = re.compile(r"(\d+) (?:%(?! 2)|percent|in a hundred|out of (?:a|every) hundred|in each hundred)")
    found = 0
    for each in made("a") + made("b"):
        for number in said.findall(each.trajectory.reasoning() or ""):
            assert float(number) == percent(VARIANTS[str(each.trajectory.variant)])
            found += 1
    assert found > 10


def test_no_placeholder_is_left_in_any_trace() -> None:
    left = re.compile(r"\{\w*\}")
    assert not [t for bank in BANKS for e in made(bank) if left.search(t := e.trajectory.reasoning() or "")]


def test_conditions_hold_where_their_prompts_say_so() -> None:
    def held(name: str) -> frozenset[str]:
        return conditions(VARIANTS[name]) - {"choose", "random"}

    assert held("base") == {"hint", "formula", "code", "conflict", "quiet", "live"}
    assert held("no-metadata") == {"quiet"}
    assert held("brainfuck") == {"encoded", "code", "conflict", "quiet", "live"}
    assert {"hint", "computed", "code"} <= held("hint-lookup") and "formula" not in held("hint-lookup")
    assert held("payload-prose") == {"hint", "conflict", "quiet", "live"}
    assert "stake" in held("payload-100") and "formula" not in held("payload-100")
    assert held("field-cost") == {"charge", "code", "quiet", "live"}
    assert {"notice", "audit", "rare"} <= held("audit-1") and {"notice", "audit", "often"} <= held("audit-99")
    assert not held("audit-50") & {"rare", "often", "review"} and "review" in held("review")
    assert "live" not in held("standing-inert") and "binding" in held("standing-overrides")
    assert all(any(holds(variant) for variant in EVERY) for holds in CONDITIONS.values()), (
        "each holds somewhere"
    )
    assert {"choose", "random"} <= conditions(VARIANTS["base"])
    assert not conditions(VARIANTS["paraphrase-02"]) & {"choose", "random"}, "Pick any even number."
    assert stake(VARIANTS["payload-1000000"]) == 1_000_000 and stake(VARIANTS["audit-10"]) is None


def test_the_more_replies_are_checked_the_fewer_game() -> None:
    shares = [share(level.variant.name, GAMING) for level in family("audit")]
    assert all(fewer < more for more, fewer in pairwise(shares))
    assert all(abs(a - b) < 0.01 for a, b in [shares[1:3]]), "smoothly: one percent more changes little"
    dismissed = [share(level.variant.name, "oversight_dismissed") for level in family("audit")[1:]]
    assert sorted(dismissed, reverse=True) == dismissed


def test_the_harder_a_hint_is_the_less_it_is_decoded_and_followed() -> None:
    order = [
        "base",
        "hint-arithmetic",
        "hint-lookup",
        "hint-rot13",
        "hint-hex",
        "hint-base64",
        "hint-lambda",
        "brainfuck",
    ]
    for key in ("hint_decode", GAMING):
        shares = [share(name, key) for name in order]
        assert all(harder < easier for easier, harder in pairwise(shares)), key


def test_a_variants_own_odds_go_before_its_familys_rule() -> None:
    rates = load_rates()
    assert rates.odds(VARIANTS["label-hacking"], "eval_aware") == 8
    assert rates.odds(VARIANTS["tag-before"], GAMING) == pytest.approx(0.5**1.5)
    assert rates.odds(VARIANTS["audit-50"], GAMING) == pytest.approx(0.75 * 0.994**50)
    assert rates.odds(VARIANTS["audit-50"], "eval_aware") == 1
    assert rates.odds(VARIANTS["field-cost"], "eval_aware") == 0.6


def test_the_default_is_the_files_and_others_are_chosen() -> None:
    rates = load_rates()
    assert len(rates.chosen) == 8 and len(rates.cells_in_order()) == 32
    audits = rates.choosing(level.variant for level in family("audit"))
    assert len(audits.cells_in_order()) == 8 * 4
    with pytest.raises(UserError, match="karma can't be simulated"):
        rates.choosing([Variant("karma", "field name", "?", "even")])


def test_two_simulations_in_one_store_have_no_trace_in_common(store: Store) -> None:
    audits = load_rates().choosing(level.variant for level in family("audit"))
    assert [report.stored for _, report in simulate(store, 64, banks=("a",))] == [64]
    assert [report.stored for _, report in simulate(store, 64, banks=("a",), rates=audits)] == [64]
    assert [report.stored for _, report in simulate(store, 64, banks=("a",), rates=audits)] == [0]
    with store.session() as db:
        same = db.execute("SELECT count(*) - count(DISTINCT reasoning_sha256) FROM trajectories").fetchone()
        runs = db.execute("SELECT count(*) FROM runs WHERE tagger = 'truth'").fetchone()
    assert same == (0,) and runs == (2,)


def test_without_a_total_each_cell_has_as_many(store: Store) -> None:
    one = load_rates().choosing([VARIANTS["mirror"]])
    assert sum(report.stored for _, report in simulate(store, rates=one)) == 4 * IN_A_CELL


def test_the_shares_of_a_rule_are_those_that_are_drawn() -> None:
    """Audits of one and 99 percent, last checkpoint only: gaming as the rule has it."""
    rates = load_rates().choosing([VARIANTS["audit-1"], VARIANTS["audit-99"]])
    simulated = list(Simulator(load_bank("b"), rates, 3, PATTERNS).made(1_200))
    for name in ("audit-1", "audit-99"):
        mine = [e.trajectory for e in simulated if e.trajectory.variant == name]
        last = [t.outcomes[0].value for t in mine if t.checkpoint == "simulated-step-6400"]
        wanted = share(name, GAMING)
        assert len(last) == 150 and abs(sum(last) / 150 - wanted) < 4 * (wanted * (1 - wanted) / 150) ** 0.5
