"""Answers, hints and added variants: their property tests with thousands of examples each.

python -m benchmarks.fuzz_environment [--examples 5000]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parents[1] / "tests" / "environment"
FILES = ("test_answers.py", "test_hints.py", "test_variants_file.py")


def main() -> int:
    """Run the tests and give pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=5000, help="Examples of each property.")
    settings.register_profile("many", max_examples=parser.parse_args().examples, deadline=None)
    settings.load_profile("many")
    quiet = ("-q", "-x", "-W", "ignore::pytest.PytestAssertRewriteWarning")
    return pytest.main([*quiet, *(str(TESTS / name) for name in FILES)])


if __name__ == "__main__":
    sys.exit(main())
