"""The one exception for anything a user can put right."""


class UserError(ValueError):
    """Bad input. The message is one line that says what is wrong and what to do about it.

    The command line prints the message alone and exits with status 2; whoever calls the
    code from Python gets an ordinary ``ValueError``.
    """
