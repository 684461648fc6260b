"""Settings of all tests: the same cases in every run, and no verdict that depends on the clock."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
