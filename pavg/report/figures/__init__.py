"""Figures for papers: a column wide, with a caption that says what is not in the picture."""

import io

from pavg import files
from pavg.errors import InputError
from pavg.report.figures import convergence, scaling, split, sweep

KINDS = {
    "convergence": convergence.draw,
    "k-sweep": sweep.draw,
    "speed-up": scaling.speed_up,
    "scaling": scaling.scaling,
    "time-split": split.draw,
}
FORMATS = ("pdf", "png", "svg")


def save(figure, path, title):
    """Write a figure, whole or not at all; the format is that of the name. InputError if it cannot be."""
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise InputError(f"{path}: expected a name that ends in {', '.join('.' + name for name in FORMATS)}")
    import matplotlib

    from pavg.report.figures.style import RC

    buffer = io.BytesIO()
    facts = {"Title": title} | (
        {"CreationDate": None} if kind == "pdf" else {"Date": None} if kind == "svg" else {}
    )
    with matplotlib.rc_context(RC):
        figure.savefig(buffer, format=kind, dpi=300, metadata=facts)
    try:
        files.replace(path, buffer.getvalue())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
