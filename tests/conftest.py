"""How every test runs."""

from hypothesis import settings

# No deadline for an example: a busy machine is no fault of the program. Examples differ each time, so
# that few a run are many a week.
settings.register_profile("project", deadline=None, max_examples=50)
settings.load_profile("project")
