"""What may go wrong by the user's hand, said in one message."""


class InputError(Exception):
    """Input that cannot be used: a specification, data, a result file, an option.

    The message names the place (file, line or key), what was found and what was
    expected. The command line prints it alone, without a traceback, and ends with
    exit code 2.
    """


def missing_extra(package, extra):
    """An InputError for an optional package that is not installed."""
    return InputError(f"this needs the package {package}: pip install 'pavg[{extra}]'")
