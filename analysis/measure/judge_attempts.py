"""The attempts of one run, without sorting out those of all others, as the view `attempts` does."""

ATTEMPTS = """
    FROM log.attempts WHERE run_id = ? AND attempt_id IN
        (SELECT arg_max(attempt_id, created_at) FROM log.attempts WHERE run_id = ? GROUP BY trajectory_id)
"""
"""The newest attempt on each trajectory. It takes the run's id twice."""
