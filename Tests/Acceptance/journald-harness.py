#!/usr/bin/env python3
"""Numbered journal entries while the agent is killed with -9: each is in the store exactly once.

A systemd-journald of its own is started by hand, in a mount namespace of its own so that the
host's journal is left alone; entries are written by `systemd-cat`, the journal is rotated
(SIGUSR2) and old files are vacuumed meanwhile. Needs root, systemd-journald and unshare; without
them it says so and ends with status 77.

journald itself drops what comes while it is overloaded; its limits are switched off here, and
what its own `journalctl` finds in the end counts as what was written.

With `--vacuum-mb` old files of the journal are removed all the time while the agent reads
(`journalctl --vacuum-size`), and not only in the end.

  Tests/Acceptance/journald-harness.py --entries 20000 --kills 10
  Tests/Acceptance/journald-harness.py --entries 1000000 --kills 100 --seconds 900 --vacuum-mb 150
"""

import argparse
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from harness import Process, finish, say, verify, wait_for_count, wait_ready, write_file
from network_link import SKIPPED, enter_namespace

JOURNALD = "/lib/systemd/systemd-journald"
# journald strips blanks at an entry's end, so that one without padding ends after its number.
NUMBER = re.compile(r"^entry (\d+)( *$| y)")


def start_journald(folder, entries):
    # An entry takes a kilobyte or so, with its share of indexes.
    room, file_bytes = (64 << 20) + 1500 * entries, 4 << 20 if entries < 100_000 else 32 << 20
    os.makedirs("/run/systemd", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/systemd"], check=True)
    os.makedirs("/run/log", exist_ok=True)
    if entries < 100_000:
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run/log"], check=True)
    else:
        # More than memory should hold.
        os.makedirs(f"{folder}/journal")
        subprocess.run(["mount", "--bind", f"{folder}/journal", "/run/log"], check=True)
    write_file("/run/systemd/journald.conf.d/harness.conf", f"""
[Journal]
Storage=volatile
RateLimitIntervalSec=0
RateLimitBurst=0
RuntimeMaxUse={room >> 20}M
RuntimeKeepFree=1M
RuntimeMaxFiles=10000
RuntimeMaxFileSize={file_bytes >> 20}M
""")
    log = open(os.path.join(folder, "journald.log"), "ab")
    process = subprocess.Popen([JOURNALD], stdout=log, stderr=log)
    deadline = time.monotonic() + 10
    while not os.path.exists("/run/systemd/journal/stdout"):
        if process.poll() is not None or time.monotonic() > deadline:
            print("skipped: systemd-journald does not start here")
            sys.exit(SKIPPED)
        time.sleep(0.05)
    return process


def journal_folder():
    """The folder of this machine's files, which journald makes with its first entry."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := glob.glob("/run/log/journal/*/system.journal"):
            return os.path.dirname(found[0])
        time.sleep(0.1)
    raise SystemExit("journald has made no journal")


class Writer(threading.Thread):
    """Writes entries through many short-lived systemd-cat processes."""

    def __init__(self, entries, seconds, seed):
        super().__init__(daemon=True)
        self.entries, self.seconds = entries, seconds
        self.random = random.Random(seed)

    def run(self):
        number, start = 0, time.monotonic()
        while number < self.entries:
            count = min(self.random.randint(1, 200), self.entries - number)
            text = "".join(
                f"entry {n} {'y' * self.random.randint(0, 60)}\n"
                for n in range(number, number + count))
            subprocess.run(["systemd-cat", "-t", "harness"], input=text.encode(), check=True)
            number += count
            ahead = number / self.entries * self.seconds - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)


def number_of(line):
    return int(m.group(1)) if (m := NUMBER.match(line)) else None


class Witness(threading.Thread):
    """Notes what journald kept, by its own journalctl, and with `vacuum_mb` removes old files of
    the journal after each look down to that size, while everything goes on."""

    def __init__(self, folder, journal, vacuum_mb, every):
        super().__init__(daemon=True)
        self.journal, self.vacuum_mb, self.every = journal, vacuum_mb, every
        self.cursor = f"{folder}/witness.cursor"
        self.numbers, self.vacuums, self.removed = [], 0, 0
        self.ended = threading.Event()
        self.failure = None

    def run(self):
        try:
            while not self.ended.wait(self.every):
                self.look()
                self.vacuum()
        except BaseException as error:  # told to the main thread
            self.failure = error

    def look(self):
        out = subprocess.run(
            ["journalctl", "-D", self.journal, "-t", "harness", "-o", "cat", "--no-pager", "-q",
             f"--cursor-file={self.cursor}"], capture_output=True, check=True, text=True).stdout
        self.numbers += [number_of(line) for line in out.splitlines()]

    def vacuum(self):
        if not self.vacuum_mb:
            return
        before = len(os.listdir(self.journal))
        subprocess.run(["journalctl", "-D", self.journal, f"--vacuum-size={self.vacuum_mb}M"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.vacuums += 1
        self.removed += max(0, before - len(os.listdir(self.journal)))

    def end(self, expected):
        """All numbers, once they rest or are as many as expected."""
        self.ended.set()
        self.join()
        if self.failure:
            raise self.failure
        deadline, last = time.monotonic() + 60, -1
        while time.monotonic() < deadline:
            self.look()
            if len(self.numbers) >= expected or len(self.numbers) == last:
                break
            last = len(self.numbers)
            time.sleep(2)
        return self.numbers


def configurations(folder, port, agent_port, journal):
    write_file(f"{folder}/server.yml", f"""
server:
  data_dir: {folder}/server
  listen: {{loki: 127.0.0.1:{port}, otlp_grpc: off, otlp_http: off, zipkin: off, jaeger_http: off,
           jaeger_compact: off, jaeger_binary: off, jaeger_query: off, tempo: off}}
  retention: 0s
  limits: {{ingestion_rate_mb: 1000, ingestion_burst_size_mb: 1000, per_stream_rate_limit: 1GB,
           per_stream_rate_limit_burst: 1GB, max_entries_limit_per_query: 5000}}
""")
    write_file(f"{folder}/agent.yml", f"""
agent:
  server: {{http_listen_address: 127.0.0.1, http_listen_port: {agent_port}}}
  positions: {{filename: {folder}/agent/positions.yaml, sync_period: 1s}}
  clients:
    - url: http://127.0.0.1:{port}/loki/api/v1/push
      batchwait: 100ms
      backoff_config: {{min_period: 50ms, max_period: 1s}}
  scrape_configs:
    - job_name: journal
      journal:
        path: {journal}
        max_age: 12h
        matches: SYSLOG_IDENTIFIER=harness
        labels: {{job: journal}}
      relabel_configs:
        - source_labels: [__journal_syslog_identifier]
          target_label: identifier
        - source_labels: [__journal_priority_keyword]
          target_label: level
""")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sluice", default=".build/release/sluice")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=10, help="of the agent")
    parser.add_argument("--server-kills", type=int, default=2)
    parser.add_argument("--vacuum-mb", type=int, default=0, help="the journal is kept that small")
    parser.add_argument("--vacuum-every", type=float, default=10, help="seconds")
    parser.add_argument("--seconds", type=float, help="of writing; by default 3 for each kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=27200)
    parser.add_argument("--folder", help="made if absent; a temporary one by default")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    enter_namespace("-m", needs=[JOURNALD])

    folder = options.folder or tempfile.mkdtemp(prefix="sluice-journald-")
    os.makedirs(folder, exist_ok=True)
    seconds = options.seconds or 3 * options.kills + 2
    chance = random.Random(options.seed)
    journald = start_journald(folder, options.entries)
    base = f"http://127.0.0.1:{options.port}"
    begin = time.monotonic()
    server = agent = None
    try:
        subprocess.run(["systemd-cat", "-t", "other"], input=b"not asked for\n", check=True)
        journal = journal_folder()
        configurations(folder, options.port, options.port + 1, journal)
        server = Process(
            "server", [options.sluice, "server", "--config", f"{folder}/server.yml"], folder)
        agent = Process(
            "agent", [options.sluice, "agent", "--config", f"{folder}/agent.yml"], folder)
        server.start()
        wait_ready(f"{base}/ready", server)
        agent.start()
        say(f"{options.entries} entries in {seconds:.0f} s, journal in {journal}")
        writer = Writer(options.entries, seconds, options.seed)
        witness = Witness(folder, journal, options.vacuum_mb, options.vacuum_every)
        writer.start()
        witness.start()
        # Spread over the time of writing.
        spare = max(0, seconds / options.kills - 3)
        server_kills = set(chance.sample(range(options.kills),
                                         min(options.kills, options.server_kills)))
        rotations = 0
        for kill in range(options.kills):
            time.sleep(chance.uniform(0.3, 2.5) + chance.uniform(0, 2 * spare))
            agent.check()
            agent.kill()
            if chance.random() < 0.5:
                journald.send_signal(signal.SIGUSR2)
                rotations += 1
            if kill in server_kills:
                server.kill()
                time.sleep(chance.uniform(0, 1))
                server.start()
            time.sleep(chance.uniform(0, 1))
            agent.start()
            if chance.random() < 0.5:
                journald.send_signal(signal.SIGUSR2)
                rotations += 1
        writer.join()
        say(f"all entries are written; the agent was killed {agent.kills} times")
        kept = witness.end(options.entries)
        selector = '{job="journal"}'
        wait_ready(f"{base}/ready", server)
        count = wait_for_count(
            base, selector, len(kept), [agent, server], 120 + options.entries / 1000)
        say(f"the journal has {len(kept)} entries, the store {count}")
        result = verify(base, selector, options.entries, number_of, set(kept))
        # The reader goes on when files of its journal are vacuumed under it.
        subprocess.run(["journalctl", "-D", journal, "--vacuum-size=1M"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["systemd-cat", "-t", "harness"], input=b"after vacuuming\n", check=True)
        after = wait_for_count(base, selector + ' |= "after vacuuming"', 1, [agent, server], 60)
        result["after_vacuuming"] = after
        if after != 1:
            result["missing"] += 1
        result["entries_journald_kept"] = len(kept)
        result["vacuums"] = witness.vacuums
        result["journal_files_vacuumed"] = witness.removed
    finally:
        for process in (agent, server):
            if process:
                process.stop()
        journald.terminate()
        journald.wait()
    result.update({
        "entries_written": options.entries, "agent_kills": agent.kills,
        "server_kills": server.kills, "rotations": rotations,
        "seconds": round(time.monotonic() - begin)})
    finish(result, folder, options.keep)


if __name__ == "__main__":
    main()
