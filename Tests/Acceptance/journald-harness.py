#!/usr/bin/env python3
"""Numbered journal entries while the agent is killed with -9: each is in the store exactly once.

A systemd-journald of its own is started by hand, in a mount namespace of its own so that the
host's journal is left alone; entries are written by `systemd-cat`, the journal is rotated
(SIGUSR2) and old files are vacuumed meanwhile. Needs root, systemd-journald and unshare; without
them it says so and ends with status 77.

journald itself drops what comes while it is overloaded; its limits are switched off here, and
what its own `journalctl` finds in the end counts as what was written.

  Tests/Acceptance/journald-harness.py --entries 20000 --kills 10
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

JOURNALD = "/lib/systemd/systemd-journald"
NUMBER = re.compile(r"^entry (\d+)( |$)")
SKIPPED = 77


def enter_namespace():
    """Runs this program again where /run/systemd and /run/log are its own."""
    if os.environ.get("SLUICE_JOURNAL_NAMESPACE"):
        return
    reason = None
    if os.geteuid() != 0:
        reason = "it needs root"
    elif not os.path.exists(JOURNALD):
        reason = f"there is no {JOURNALD}"
    elif not shutil.which("unshare"):
        reason = "there is no unshare"
    elif subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode:
        reason = "no mount namespace can be made here"
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    os.environ["SLUICE_JOURNAL_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, os.path.abspath(__file__)]
              + sys.argv[1:])


def start_journald(folder):
    for path in ("/run/systemd", "/run/log"):
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
    write_file("/run/systemd/journald.conf.d/harness.conf", """
[Journal]
Storage=volatile
RateLimitIntervalSec=0
RateLimitBurst=0
RuntimeMaxUse=512M
RuntimeMaxFileSize=4M
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
    found = glob.glob("/run/log/journal/*")
    return found[0] if found else "/run/log/journal"


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


def journal_count(folder):
    out = subprocess.run(
        ["journalctl", "-D", folder, "-t", "harness", "-o", "cat", "--no-pager", "-q"],
        capture_output=True, check=True).stdout
    return len(out.splitlines())


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
    parser.add_argument("--seconds", type=float, help="of writing; by default 3 for each kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=27200)
    parser.add_argument("--folder", help="made if absent; a temporary one by default")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    enter_namespace()

    folder = options.folder or tempfile.mkdtemp(prefix="sluice-journald-")
    os.makedirs(folder, exist_ok=True)
    seconds = options.seconds or 3 * options.kills + 2
    chance = random.Random(options.seed)
    journald = start_journald(folder)
    base = f"http://127.0.0.1:{options.port}"
    begin = time.monotonic()
    server = agent = None
    try:
        subprocess.run(["systemd-cat", "-t", "other"], input=b"not asked for\n", check=True)
        time.sleep(0.5)
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
        writer.start()
        server_kills = set(chance.sample(range(options.kills),
                                         min(options.kills, options.server_kills)))
        rotations = 0
        for kill in range(options.kills):
            time.sleep(chance.uniform(0.3, 2.5))
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
        time.sleep(1)
        written = journal_count(journal)
        selector = '{job="journal"}'
        wait_ready(f"{base}/ready", server)
        count = wait_for_count(base, selector, options.entries, [agent, server], 120)
        say(f"the journal has {written} entries, the store {count}")
        result = verify(base, selector, options.entries,
                        lambda line: int(m.group(1)) if (m := NUMBER.match(line)) else None)
        # The reader goes on when files of its journal are vacuumed under it.
        subprocess.run(["journalctl", "-D", journal, "--vacuum-size=1M"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["systemd-cat", "-t", "harness"], input=b"after vacuuming\n", check=True)
        after = wait_for_count(base, selector + ' |= "after vacuuming"', 1, [agent, server], 60)
        result["after_vacuuming"] = after
        if after != 1:
            result["missing"] += 1
        if written != options.entries:
            result["examples"].append(f"journald kept {written} of {options.entries} entries")
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
