"""pavg report: one HTML file that needs nothing else, from the template and scripts in pavg/report/web."""

import base64
import gzip
import hashlib
import importlib.resources
import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pavg import files
from pavg.errors import InputError

WEB = importlib.resources.files("pavg.report") / "web"
SCRIPTS = ("theme", "state", "charts", "figures", "table", "start")


def write(target, contents):
    """Write the page of `contents.Contents`. InputError where it cannot be, or a package is missing."""
    target = Path(target)
    text = render(contents)
    try:
        files.replace(target, text.encode())
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from None


def render(contents):
    """The page as text.

    Texts of result files are escaped by jinja2 or by `embedded`, and scripts put them in as text content.
    Should one get through, the page's policy runs no script but ours, which it names by their hashes, and
    asks nothing of a network.
    """
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    scripts = {name: (WEB / f"{name}.js").read_text() for name in SCRIPTS}
    plotly = get_plotlyjs()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string((WEB / "page.html").read_text()).render(
        contents=contents,
        data=Markup(embedded(contents.data)),
        hashes=Markup(" ".join(f"'{_hash(text)}'" for text in (*scripts.values(), plotly))),
        scripts={name: Markup(text) for name, text in scripts.items()},
        style=Markup((WEB / "style.css").read_text()),
        plotly=base64.b64encode(gzip.compress(plotly.encode(), 9, mtime=0)).decode(),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("pavg"),
    )


def embedded(data):
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _hash(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
