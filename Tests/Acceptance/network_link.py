"""A network of two namespaces whose link is bad: this program's and one for another program,
joined by a software link that delays, loses and throttles packets, or is cut.

The link is a pair of TUN devices with this program between them, so that no kernel module for
network emulation is needed. Needs root, unshare, nsenter and /dev/net/tun. Linux only.
"""

import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import threading
import time

from harness import say

SKIPPED = 77
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
NEAR, FAR = "10.77.0.1", "10.77.0.2"


def enter_namespace(*flags, needs=()):
    """Runs this program again in namespaces of its own (`unshare` with `flags`), once; ends with
    status 77 where that cannot be done, or one of the files in `needs` is not there."""
    if os.environ.get("SLUICE_HARNESS_NAMESPACE"):
        return
    reason = None
    if os.geteuid() != 0:
        reason = "it needs root"
    elif missing := [path for path in needs if not os.path.exists(path)]:
        reason = f"there is no {missing[0]}"
    elif not shutil.which("unshare"):
        reason = "there is no unshare"
    elif subprocess.run(["unshare", *flags, "true"], stderr=subprocess.DEVNULL).returncode:
        reason = "no namespace can be made here"
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    os.environ["SLUICE_HARNESS_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", *flags, sys.executable, os.path.abspath(sys.argv[0])]
              + sys.argv[1:])


class Link(threading.Thread):
    """Carries packets between this namespace and the far one."""

    QUEUE_MOST = 400

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.far = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.far.pid}/ns/net") == own:
            time.sleep(0.01)
        self.ends = [self.open("link0"), self.open("link1")]
        self.ip("link", "set", "link1", "netns", str(self.far.pid))
        self.ip("link", "set", "lo", "up")
        self.far_ip("link", "set", "lo", "up")
        self.ip("address", "add", f"{NEAR}/30", "dev", "link0")
        self.ip("link", "set", "link0", "up")
        self.far_ip("address", "add", f"{FAR}/30", "dev", "link1")
        self.far_ip("link", "set", "link1", "up")
        self.set()
        self.carried = self.lost = 0

    @staticmethod
    def open(name):
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
        return end

    @staticmethod
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True)

    def far_ip(self, *arguments):
        subprocess.run(self.far_command(["ip", *arguments]), check=True)

    def far_command(self, command):
        """`command`, run in the far namespace."""
        return ["nsenter", f"--net=/proc/{self.far.pid}/ns/net", *command]

    def set(self, delay=0.0, jitter=0.0, loss=0.0, rate=0.0, carries=(True, True)):
        """Seconds, a share of packets, bytes a second (0: any), and which ways are open."""
        self.state = (delay, jitter, loss, rate, carries)

    def stop(self):
        self.far.kill()
        self.far.wait()

    def run(self):
        waiting, number = [], 0
        free_at, queued = [0.0, 0.0], [0, 0]
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, way, packet = heapq.heappop(waiting)
                queued[way] -= 1
                self.write(1 - way, packet)
            pause = max(0, waiting[0][0] - now) if waiting else 1.0
            for end in select.select(self.ends, [], [], pause)[0]:
                way = self.ends.index(end)
                try:
                    packet = os.read(end, 65536)
                except OSError:
                    continue
                delay, jitter, loss, rate, carries = self.state
                if (not carries[way] or queued[way] >= self.QUEUE_MOST
                        or (loss and self.random.random() < loss)):
                    self.lost += 1
                    continue
                now = time.monotonic()
                at = now + delay + (self.random.uniform(-jitter, jitter) if jitter else 0)
                if rate:
                    free_at[way] = max(now, free_at[way]) + len(packet) / rate
                    at = max(at, free_at[way] + delay)
                number += 1
                queued[way] += 1
                heapq.heappush(waiting, (at, number, way, packet))

    def write(self, way, packet):
        try:
            os.write(self.ends[way], packet)
            self.carried += 1
        except OSError:
            # The interface is down.
            self.lost += 1


class Trouble(threading.Thread):
    """Changes how the link is every few seconds, until it is told to end; then it is good."""

    def __init__(self, link, seed):
        super().__init__(daemon=True)
        self.link = link
        self.random = random.Random(seed)
        self.counts = {}
        self.ended = threading.Event()

    def run(self):
        chance = self.random
        while not self.ended.wait(chance.uniform(1, 8)):
            kind = chance.choice(
                ["good", "good", "slow", "lossy", "narrow", "cut", "one way", "down"])
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if kind == "slow":
                delay = chance.uniform(0.02, 0.4)
                self.link.set(delay=delay, jitter=delay / 3)
            elif kind == "lossy":
                self.link.set(delay=0.005, loss=chance.uniform(0.01, 0.25))
            elif kind == "narrow":
                self.link.set(delay=0.02, rate=chance.uniform(10_000, 200_000))
            elif kind == "cut":
                self.link.set(carries=(False, False))
            elif kind == "one way":
                # Pushes arrive and their answers do not, or the other way round.
                self.link.set(carries=chance.choice([(True, False), (False, True)]))
            elif kind == "down":
                self.link.far_ip("link", "set", "link1", "down")
                self.ended.wait(chance.uniform(0.5, 8))
                self.link.far_ip("link", "set", "link1", "up")
                self.link.set()
            else:
                self.link.set()
        self.link.set()

    def end(self):
        self.ended.set()
        self.join()
        say(f"the link was {self.counts}")
