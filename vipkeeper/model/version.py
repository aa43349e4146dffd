"""The version, in one place: pyproject.toml takes it from here.

Reading it from the installed distribution would cost 25 ms of the agent's start.
"""

VERSION = "0.1.0"
