"""A network that is not this machine's: each rank in a network namespace, all packets through a relay.

A rank's only way out is a TUN device, whose packets this process reads, holds as long as the network would,
and writes into the device of the rank that they are for. A packet of m bytes leaves its rank when those
before it have, takes m/bandwidth, and arrives `latency` later. Needs root, Linux, `ip`, `nsenter`,
/dev/net/tun and MPICH, which is told to use TCP alone: shared memory would go past the relay.
"""

import ctypes
import fcntl
import heapq
import os
import re
import select
import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path

from pavg.errors import InputError
from pavg.files import alive

DEVICE, TUN = "pavg0", Path("/dev/net/tun")
NAMESPACES = Path("/run/netns")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET, PR_SET_TIMERSLACK = 0x40000000, 29
MTU, PACKETS = 65_000, 10_000  # bytes of a packet; of them in a device's queue
MOST = 250  # ranks: addresses 10.77.0.1 and so on
QUIET = 0.2  # seconds that the relay waits for a packet before it looks whether it is to end
TCP = {  # of MPICH
    "MPIR_CVAR_NOLOCAL": "1",
    "MPIR_CVAR_CH4_NETMOD": "ofi",
    "FI_PROVIDER": "tcp",
    "FI_TCP_IFACE": DEVICE,
}


def missing():
    """What a relay needs and this machine has not: a list of names."""
    found = [name for name in ("ip", "nsenter") if shutil.which(name) is None]
    found += [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["root"]
    return found + ([] if TUN.exists() else [str(TUN)])


class Relay:
    """Namespaces of so many ranks, and the thread that carries their packets, until `close`.

    network : pavg.delays.Network
    packets, bytes : how many went through

    InputError where something is missing, or the system refuses.
    """

    def __init__(self, ranks, network):
        lacking = missing()
        if lacking:
            raise InputError(f"a relay between ranks: missing: {', '.join(lacking)}")
        if ranks > MOST:
            raise InputError(f"a relay between {ranks} ranks: expected at most {MOST}")
        _sweep()
        self._network = network
        self._names = [f"pavg-{os.getpid()}-{rank}" for rank in range(ranks)]
        self._devices, self.packets, self.bytes, self._open = [], 0, 0, True
        try:
            for rank, name in enumerate(self._names):
                self._devices.append(_joined(name, f"10.77.0.{rank + 1}/24"))
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            said = getattr(error, "stderr", None) or error
            raise InputError(f"a relay between ranks: the system refuses: {str(said).strip()}") from None
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def words(self):
        """What stands before a rank's command: it moves into its namespace."""
        place = NAMESPACES / f"pavg-{os.getpid()}"
        told = 'test "$PMI_RANK" || { echo "pavg network: this is not MPICH" >&2; exit 2; }'
        return ["sh", "-c", f'{told}; exec nsenter --net={place}-$PMI_RANK "$@"', "sh"]

    def close(self):
        """End the relay, and remove the namespaces."""
        self._open = False
        if hasattr(self, "_thread"):
            self._thread.join()
        for device in self._devices:
            os.close(device)
        for name in self._names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    def _carry(self):
        """Read packets, hold them, write them, until `close`."""
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)  # of this thread: nanoseconds
        of_byte = self._network.seconds(1) - self._network.latency
        held, free = [], dict.fromkeys(self._devices, 0.0)
        ranks = {rank + 1: device for rank, device in enumerate(self._devices)}
        while self._open:
            wait = held[0][0] - time.monotonic() if held else QUIET
            for device in select.select(self._devices, [], [], max(wait, 0.0))[0]:
                packet = os.read(device, MTU + 100)
                to = ranks.get(packet[19]) if packet[0] >> 4 == 4 else None
                if to is None:  # IPv6's questions for neighbours, and the like
                    continue
                free[device] = max(free[device], time.monotonic()) + of_byte * len(packet)
                heapq.heappush(held, (free[device] + self._network.latency, self.packets, to, packet))
                self.packets, self.bytes = self.packets + 1, self.bytes + len(packet)
            now = time.monotonic()
            while held and held[0][0] <= now:
                _, _, to, packet = heapq.heappop(held)
                os.write(to, packet)


def _joined(name, address):
    """A new namespace with a TUN device that is up: the device, open here."""
    _ip("netns", "add", name)
    _ip("-n", name, "link", "set", "lo", "up")
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as here, open(NAMESPACES / name) as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            device = os.open(TUN, os.O_RDWR)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
        finally:
            libc.setns(here.fileno(), CLONE_NEWNET)
    _ip("-n", name, "addr", "add", address, "dev", DEVICE)
    _ip("-n", name, "link", "set", DEVICE, "mtu", str(MTU), "txqueuelen", str(PACKETS), "up")
    return device


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _sweep():
    """Remove the namespaces of processes that have died."""
    for path in NAMESPACES.glob("pavg-*") if NAMESPACES.is_dir() else ():
        match = re.fullmatch(r"pavg-(\d+)-\d+", path.name)
        if match and not alive(int(match[1])):
            subprocess.run(["ip", "netns", "delete", path.name], capture_output=True)
