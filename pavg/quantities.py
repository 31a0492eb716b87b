"""Numbers with units, for people."""

import math

PREFIXES = ("p", "n", "µ", "m", "", "k", "M", "G", "T")


def shown(value, unit):
    """Three digits and a unit with its prefix: 1.06 µs."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g} {unit}"
    power = math.floor(math.log10(abs(value) * 1.0005) / 3)  # 999.6 m is 1
    power = min(max(power, -4), 4)
    return f"{value / 1000.0**power:.3g} {PREFIXES[power + 4]}{unit}"
