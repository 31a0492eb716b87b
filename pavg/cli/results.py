"""Results of many runs, opened for what draws them."""

import sys
import warnings


def many(path):
    """(dataset of the runs in a folder or a merged file, why files were left out). InputError for one run."""
    from pavg import open_results
    from pavg.cli.stages import stages
    from pavg.errors import InputError

    with stages() as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is left out is said here, a line each
        data = open_results(path, progress)
    if "run" not in data.sizes:
        raise InputError(f"{path}: a file of one run; expected a folder of results or a merged file")
    unsound = data.attrs.get("left_out", "").splitlines()
    for reason in unsound:
        print(f"left out: {reason}", file=sys.stderr)
    return data, unsound
