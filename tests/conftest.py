"""For all tests: Hypothesis looks at answers, not at the clock, which a busy machine stretches; no test finds another's currency in force."""

import pytest
from hypothesis import settings

from opsnb.views import language

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def no_currency():
    """A page sets its process's currency."""
    with language.paying_in(""):
        yield
