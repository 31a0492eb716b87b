"""The command line: one file a verb."""

import os
import sys
from importlib import import_module

import click

from pavg.comm.launch import launched_rank
from pavg.errors import InputError, missing_extra

BAD_INPUT = 2
VERBS = "run status show report plot compare merge slurm data estimate advise reproduce bench network".split()
VERBS += "listing doctor".split()
# packages of pavg[report], which runs can do without
REPORT = ("jinja2", "markupsafe", "matplotlib", "pandas", "plotly", "pyarrow", "xarray")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pavg")
def pavg():
    """How often should learners average their models? Run it, and see."""


def main():
    """Entry point: bad input gives one message on rank 0 and exit code 2."""
    for stream in (sys.stdout, sys.stderr):  # no locale is a reason to fail
        stream.reconfigure(errors="replace")
    for verb in VERBS:
        pavg.add_command(import_module(f"pavg.cli.{verb}").command)
    try:
        code = pavg(standalone_mode=False)
    except click.ClickException as error:
        if launched_rank() == 0:
            error.show()
        code = BAD_INPUT
    except InputError as error:
        print(f"pavg: {error}", file=sys.stderr)
        code = BAD_INPUT
    except ModuleNotFoundError as error:
        if error.name not in REPORT:
            raise
        print(f"pavg: {missing_extra(error.name, 'report')}", file=sys.stderr)
        code = BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    try:
        sys.stderr.flush()
    except OSError:  # a terminal that went away with something unsaid is no failure of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    sys.exit(code or 0)
