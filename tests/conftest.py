"""How every test runs."""

from hypothesis import settings

# No deadline for an example: a busy machine is no fault of the program.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
