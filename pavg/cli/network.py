"""pavg network: another command, its ranks joined by a network that is slower than this machine's."""

import os
import sys

import click

SECONDS, RATE = click.FloatRange(0), click.FloatRange(0, min_open=True)


@click.command("network", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, required=True, metavar="COMMAND …", type=click.UNPROCESSED)
@click.option("-n", "ranks", type=click.IntRange(2), required=True, help="Start mpirun with so many ranks.")
@click.option(
    "--latency", type=SECONDS, default=0.0, show_default=True, help="Seconds of a message, one way."
)
@click.option("--bandwidth", type=RATE, help="Bytes a second that a rank can send [default: no limit].")
def command(words, ranks, latency, bandwidth):
    """Run 'pavg COMMAND …' on ranks that a slow network joins.

    As pavg network -n 2 --latency 1e-3 run SPEC --out results/1ms, or bench machine. Each rank is in a
    network namespace of its own; a relay holds every packet as long as such a network would. Needs root,
    Linux, MPICH. Results say so (env: relay), but their names do not: give them an --out of their own.
    """
    from pavg.comm import launch
    from pavg.comm.relay import TCP, Relay
    from pavg.delays import Network

    network = Network(latency=latency, bandwidth=bandwidth)
    relay = Relay(ranks, network)
    rate = f", {bandwidth:g} byte/s" if bandwidth else ""
    os.environ |= TCP | {"PAVG_RELAY": f"{latency:g} s{rate}"}
    try:
        code = launch.start(ranks, lambda again: list(words), heard=words[0] == "run", within=relay.words())
    finally:
        relay.close()
    print(f"relay: {relay.packets:,} packets, {relay.bytes:,} bytes, {latency:g} s{rate}", file=sys.stderr)
    return code
