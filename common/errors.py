"""The exceptions for what a user can put right."""


class UserError(ValueError):
    """Bad input. The message is one line that says what is wrong and what to do about
    it.

    The command line prints the message alone and exits with ``status``; whoever calls
    the code from Python gets an ordinary ``ValueError``.
    """

    status = 2


class DivergedError(UserError):
    """A training run that has left the finite numbers."""

    status = 1  # what was asked for could be done, and did not hold
