#!/usr/bin/env python3
"""Numbered lines through rotating files while agent and server are killed with -9.

Writers append numbered lines to files and rotate them all the time: half of them as logrotate's
`create` does (rename, then a new file), half as its `copytruncate` does (copy, then truncate).
Meanwhile agent and server are killed with -9 and started again at random moments, and the server
is away for a while. In the end the store is asked for all lines: none may be missing, none may
come twice.

About copytruncate: what a program writes between the copying and the truncation is destroyed by
copytruncate itself, whoever reads the file. So the writer here copies and truncates itself, and
writes nothing in between; nothing is then lost on principle, and the harness needs no allowance.
The writer does not wait for the agent: what the agent had not read before the truncation it has
to read from the copy, which its pattern matches too, and what it had read already it must not
read again from there.

Rotated files are removed when `--kept` younger ones are there, as logrotate does. Lines have no
time of their own, so that the time of reading is theirs: a line that is read twice is in the
store twice.

  Tests/Acceptance/rotation-harness.py --lines 1000000 --kills 20 --away 60
"""

import argparse
import os
import random
import re
import shutil
import tempfile
import threading
import time

from harness import (
    Killer, Process, finish, say, verify, wait_for_count, wait_ready, write_file)

NUMBER = re.compile(r"^n=(\d+) ")


class Numbers:
    """Gives out each number once."""

    def __init__(self, count):
        self.next, self.count, self.lock = 0, count, threading.Lock()

    def take(self, most):
        with self.lock:
            first = self.next
            self.next = min(self.count, first + most)
            return range(first, self.next)


class Writer(threading.Thread):
    """Writes to one file in small bursts and rotates it."""

    def __init__(self, path, copies, numbers, rate, kept, seed):
        super().__init__(daemon=True)
        self.path, self.copies, self.numbers = path, copies, numbers
        self.rate, self.kept = rate, kept
        self.random = random.Random(seed)
        self.rotations = 0

    def run(self):
        file = open(self.path, "ab", buffering=0)
        until = self.random.randint(500, 6000)
        written, start, total = 0, time.monotonic(), 0
        while True:
            numbers = self.numbers.take(self.random.randint(1, 60))
            if not numbers:
                break
            text = "".join(self.line(number) for number in numbers).encode()
            # A line may come in two pieces, as from a program that flushes when it likes.
            cut = self.random.randint(0, len(text))
            file.write(text[:cut])
            if cut % 7 == 0:
                time.sleep(0.002)
            file.write(text[cut:])
            written += len(numbers)
            total += len(numbers)
            if written >= until:
                file = self.rotate(file)
                written, until = 0, self.random.randint(500, 6000)
            ahead = total / self.rate - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)
        file.close()

    def line(self, number):
        padding = "x" * self.random.randint(0, 120)
        return f"n={number} file={os.path.basename(self.path)} {padding}\n"

    def rotate(self, file):
        self.rotations += 1
        oldest = f"{self.path}.{self.kept}"
        if os.path.exists(oldest):
            os.remove(oldest)
        for index in range(self.kept - 1, 0, -1):
            if os.path.exists(f"{self.path}.{index}"):
                os.rename(f"{self.path}.{index}", f"{self.path}.{index + 1}")
        if self.copies:
            shutil.copyfile(self.path, f"{self.path}.1")
            file.truncate(0)
            return file
        os.rename(self.path, f"{self.path}.1")
        # The program goes on with the old file for a moment, until it is told to reopen.
        for number in self.numbers.take(self.random.randint(0, 5)):
            file.write(self.line(number).encode())
        file.close()
        return open(self.path, "ab", buffering=0)


def configurations(folder, port, agent_port):
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
  target_config: {{sync_period: 2s}}
  clients:
    - url: http://127.0.0.1:{port}/loki/api/v1/push
      batchwait: 200ms
      backoff_config: {{min_period: 50ms, max_period: 1s}}
  scrape_configs:
    - job_name: renamed
      static_configs:
        - labels: {{job: harness, rotation: rename, __path__: "{folder}/logs/rename-*.log*"}}
    - job_name: copied
      static_configs:
        - labels: {{job: harness, rotation: copytruncate, __path__: "{folder}/logs/copy-*.log*"}}
""")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sluice", default=".build/release/sluice")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5, help="of the agent and of the server, each")
    parser.add_argument("--away", type=float, default=10, help="seconds without a server")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--kept", type=int, default=20, help="rotated files that are kept")
    parser.add_argument("--seconds", type=float, help="of writing; by default 4 for each kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=27100)
    parser.add_argument("--folder", help="made if absent; a temporary one by default")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()

    folder = options.folder or tempfile.mkdtemp(prefix="sluice-rotation-")
    os.makedirs(f"{folder}/logs", exist_ok=True)
    configurations(folder, options.port, options.port + 1)
    base = f"http://127.0.0.1:{options.port}"
    server = Process("server", [options.sluice, "server", "--config", f"{folder}/server.yml"], folder)
    agent = Process("agent", [options.sluice, "agent", "--config", f"{folder}/agent.yml"], folder)
    seconds = options.seconds or options.away + 4 * options.kills + 5
    numbers = Numbers(options.lines)
    writers = [
        Writer(f"{folder}/logs/{kind}-{index}.log", kind == "copy", numbers,
               options.lines / options.files / seconds, options.kept, options.seed * 1000 + index)
        for index, kind in enumerate(["rename", "copy"] * ((options.files + 1) // 2))
    ][:options.files]
    say(f"{options.lines} lines through {options.files} files in {seconds:.0f} s, in {folder}")
    begin = time.monotonic()
    try:
        server.start()
        agent.start()
        wait_ready(f"{base}/ready", server)
        killer = Killer(agent, server, options.kills, options.away, seconds - options.away - 2,
                        options.seed)
        for thread in writers + [killer]:
            thread.start()
        for thread in writers:
            thread.join()
        say(f"all lines are written, {sum(w.rotations for w in writers)} rotations")
        killer.join()
        if killer.failure:
            raise killer.failure
        wait_ready(f"{base}/ready", server)
        count = wait_for_count(base, '{job="harness"}', options.lines, [agent, server], 300)
        say("asking for all of them")
        result = verify(base, '{job="harness"}', options.lines,
                        lambda line: int(m.group(1)) if (m := NUMBER.match(line)) else None)
    finally:
        agent.stop()
        server.stop()
    result.update({
        "lines": options.lines, "rotations": sum(w.rotations for w in writers),
        "agent_kills": agent.kills, "server_kills": server.kills,
        "seconds": round(time.monotonic() - begin)})
    finish(result, folder, options.keep)


if __name__ == "__main__":
    main()
