"""Pages: HTML files that need nothing else, from the templates and scripts in pavg/report/web."""

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


def write(target, contents):
    """Write the page of `contents.Contents`. InputError where it cannot be, or a package is missing."""
    save(target, render(contents))


def save(target, text):
    """Write a page, whole or not at all. InputError where it cannot be."""
    try:
        files.replace(Path(target), text.encode())
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from None


def render(contents):
    """The page of `contents.Contents` as text."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    plotly = get_plotlyjs()
    return filled(
        "page.html",
        contents.title,
        ("state", "charts", "figures", "table", "start"),
        library=plotly,
        contents=contents,
        data=Markup(embedded(contents.data)),
        plotly=base64.b64encode(gzip.compress(plotly.encode(), 9, mtime=0)).decode(),
    )


def filled(template, title, scripts=(), library=None, **values):
    """A template of pavg/report/web, on the ground that all pages share, as text.

    Texts of result files are escaped by jinja2 or by `embedded`, and scripts put them in as text content.
    Should one get through, the page's policy runs no script but ours, which it names by their hashes, and
    asks nothing of a network. scripts : names of ours, beside the theme's; library : text of another.
    """
    import jinja2
    from markupsafe import Markup

    texts = {name: (WEB / f"{name}.js").read_text() for name in ("theme", *scripts)}
    allowed = [*texts.values(), *([library] if library else [])]
    loader = jinja2.FunctionLoader(lambda name: (WEB / name).read_text())
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(
        title=title,
        hashes=Markup(" ".join(f"'{_hash(text)}'" for text in allowed)),
        scripts={name: Markup(text) for name, text in texts.items()},
        style=Markup((WEB / "style.css").read_text()),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version("pavg"),
        **values,
    )


def embedded(data):
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _hash(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
