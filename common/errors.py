"""The exceptions for mistakes that a user can correct."""


class UserError(ValueError):
    """Bad input. The message is one line that says what is wrong and what to do about
    it.

    The command line prints the message alone and exits with ``status``; code that calls
    the code from Python gets an ordinary ``ValueError``.
    """

    status = 2


class DivergedError(UserError):
    """A training run that has left the finite numbers."""

    status = 1  # the question could be answered, and the answer is no
