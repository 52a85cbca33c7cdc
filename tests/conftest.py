"""How the whole suite runs.

On a developer's machine hypothesis looks for something new each time. In CI it goes the same ways for
everybody: a finding there would stop a change that has nothing to do with it. `make fuzz` is for finding.
"""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
