"""The root of every error that is raised on purpose, and those of the shared ground.

PortvaktError
├── SettingsError       a settings file: names file, line, key and what was expected
├── AlreadyRunning      another process holds this state folder
└── LinkError           the broker cannot be used with these settings
"""


class PortvaktError(Exception):
    """An expected failure: a command line prints its message, without a traceback, and exits 1."""


class SettingsError(PortvaktError, ValueError):
    """A settings file cannot be used as it stands."""


class AlreadyRunning(PortvaktError):
    """Another process holds this state folder."""


class LinkError(PortvaktError, ConnectionError):
    """The broker cannot be used with these settings."""
