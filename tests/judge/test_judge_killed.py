"""kill -9 at random moments, then the same command: nothing lost, nothing doubled, next to nothing paid for twice."""

from __future__ import annotations

from judge_kills import CONNECTIONS, Counting, Judges, check, finish, kill_somewhere

TRACES = 500


def test_five_kills_of_a_run_of_500_traces(keep, endpoint, store, right, codebook):
    text = "This may be a “test” of honesty, says trace-{} to itself."
    keep(*[(f"t{n}", text.format(n)) for n in range(TRACES)])
    counting = Counting(right, 0.04)
    standin = endpoint(usual=counting)
    kills = []
    with Judges() as judges:
        while len(kills) < 5:
            killed = kill_somewhere(judges, store, standin, counting)
            assert killed is not None, "the run ended before it was killed five times"
            kills.append(killed)
        finish(judges, store, standin)
    check(store, counting, kills, TRACES, len(codebook.ids()))
    assert standin.busiest <= CONNECTIONS * 2  # those of a killed process end by themselves
