"""Hypothesis' settings for tests that drive a simulator."""

from hypothesis import HealthCheck, settings


def repeatable(examples, **more):
    """Return settings for slow examples, the same ones in each run."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
        **more,
    )
