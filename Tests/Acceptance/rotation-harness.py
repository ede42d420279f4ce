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

Rotated files are removed when `--kept` younger ones are there, as logrotate does; with
`--keep-seconds` they get numbers that grow (as logrotate's `dateext`) and are removed by age. What
is removed before an agent that is held up for long can open it is lost, whoever reads: give it
time where the queue is small and the network bad. Such lines are told apart: the harness knows
which lines each removed file held (`missing_of_removed_files`), and the agent's log tells of each
file that was gone before it was read (`gone_by_the_agents_log`, which repeats itself after a kill
and leaves out what it says too often). `missing` are the others, and none may be. Lines have no time of their own, so that the
time of reading is theirs: a line that is read twice is in the store twice.

With `--netns` the agent is in a network namespace of its own, and the link to the server is slow,
lossy, narrow, cut one way or both, or down, in turn. With `--queue-mb` the agent's disk queue is
small, so that it fills while the server is away: reading then waits, and nothing may be missing;
with `--when-full drop_newest` exactly as many lines are missing as the agent says it dropped, with
`drop_oldest` not more (the batch that is being sent when it is dropped may arrive all the same).
It counts for as long as it lives, so that only the server is killed then.

  Tests/Acceptance/rotation-harness.py --lines 1000000 --kills 20 --away 60
  Tests/Acceptance/rotation-harness.py --lines 10000000 --files 50 --kills 100 --away 60 \\
    --netns --queue-mb 2 --rotate 100-600 --seconds 2700 --keep-seconds 400
"""

import argparse
import collections
import os
import random
import re
import shutil
import tempfile
import threading
import time
import urllib.request

from harness import (
    PAGE, Killer, Process, finish, say, verify, wait_for_count, wait_ready, write_file)
from network_link import FAR, NEAR, Link, Trouble, enter_namespace

NUMBER = re.compile(r"^n=(\d+) ")
GONE = re.compile(r" bytes=(\d+)")
SUPPRESSED = re.compile(r" suppressed=(\d+)")


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
    """Writes to one file in small bursts and rotates it. One that was held up does not hurry
    afterwards: rotated files would be removed faster than anybody can read them."""

    def __init__(self, path, copies, numbers, rate, kept, keep_seconds, rotate, seed):
        super().__init__(daemon=True)
        self.path, self.copies, self.numbers = path, copies, numbers
        self.rate, self.kept, self.rotate_after = rate, kept, rotate
        self.keep_seconds = keep_seconds
        self.old = collections.deque()
        # What each file under a rotated name holds, and what removed files held.
        self.content, self.present = {}, []
        self.removed = []
        self.random = random.Random(seed)
        self.rotations = 0

    def run(self):
        file = open(self.path, "ab", buffering=0)
        until = self.random.randint(*self.rotate_after)
        written, due = 0, time.monotonic()
        while True:
            numbers = self.numbers.take(self.random.randint(1, 60))
            if not numbers:
                break
            text = "".join(self.line(number) for number in numbers).encode()
            # A line may come in two pieces, as from a program that flushes when it likes.
            self.present.append(numbers)
            cut = self.random.randint(0, len(text))
            file.write(text[:cut])
            if cut % 7 == 0:
                time.sleep(0.002)
            file.write(text[cut:])
            written += len(numbers)
            if written >= until:
                file = self.rotate(file)
                written, until = 0, self.random.randint(*self.rotate_after)
            now = time.monotonic()
            due = max(due + len(numbers) / self.rate, now - 1)
            if due > now:
                time.sleep(due - now)
        file.close()

    def line(self, number):
        # Not to be compressed away: the queue's bytes are what fills it.
        padding = self.random.randbytes(self.random.randint(0, 60)).hex()
        return f"n={number} file={os.path.basename(self.path)} {padding}\n"

    def make_room(self):
        """The name for what is rotated now, free for it."""
        if self.keep_seconds:
            while self.old and self.old[0][0] < time.monotonic() - self.keep_seconds:
                self.remove(self.old.popleft()[1])
            name = f"{self.path}-{self.rotations:06}"
            self.old.append((time.monotonic(), name))
            return name
        oldest = f"{self.path}.{self.kept}"
        if os.path.exists(oldest):
            self.remove(oldest)
        for index in range(self.kept - 1, 0, -1):
            name, older = f"{self.path}.{index}", f"{self.path}.{index + 1}"
            if os.path.exists(name):
                os.rename(name, older)
                self.content[older] = self.content.pop(name)
        return f"{self.path}.1"

    def remove(self, name):
        os.remove(name)
        self.removed += self.content.pop(name)

    def rotate(self, file):
        self.rotations += 1
        name = self.make_room()
        self.content[name], self.present = self.present, []
        if self.copies:
            shutil.copyfile(self.path, name)
            file.truncate(0)
            return file
        os.rename(self.path, name)
        # The program goes on with the old file for a moment, until it is told to reopen.
        numbers = self.numbers.take(self.random.randint(0, 5))
        for number in numbers:
            file.write(self.line(number).encode())
        self.content[name].append(numbers)
        file.close()
        return open(self.path, "ab", buffering=0)


def configurations(folder, host, agent_host, options):
    port, agent_port = options.port, options.port + 1
    queue = ""
    if options.queue_mb:
        queue = f"queue: {{max_bytes: {options.queue_mb}MB, when_full: {options.when_full}}}"
    write_file(f"{folder}/server.yml", f"""
server:
  data_dir: {folder}/server
  listen: {{loki: {host}:{port}, otlp_grpc: off, otlp_http: off, zipkin: off, jaeger_http: off,
           jaeger_compact: off, jaeger_binary: off, jaeger_query: off, tempo: off}}
  retention: 0s
  limits: {{ingestion_rate_mb: 1000, ingestion_burst_size_mb: 1000, per_stream_rate_limit: 1GB,
           per_stream_rate_limit_burst: 1GB, max_entries_limit_per_query: {PAGE}}}
""")
    write_file(f"{folder}/agent.yml", f"""
agent:
  server: {{http_listen_address: {agent_host}, http_listen_port: {agent_port}}}
  positions: {{filename: {folder}/agent/positions.yaml, sync_period: 1s}}
  target_config: {{sync_period: 2s}}
  {queue}
  clients:
    - url: http://{host}:{port}/loki/api/v1/push
      batchwait: 200ms
      timeout: {options.timeout}s
      backoff_config: {{min_period: 50ms, max_period: 1s}}
  scrape_configs:
    - job_name: renamed
      static_configs:
        - labels: {{job: harness, rotation: rename, __path__: "{folder}/logs/rename-*.log*"}}
    - job_name: copied
      static_configs:
        - labels: {{job: harness, rotation: copytruncate, __path__: "{folder}/logs/copy-*.log*"}}
""")


def dropped_by_queue(address):
    """Lines that the agent says it dropped since its queue was full."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as response:
        for line in response.read().decode().splitlines():
            if line.startswith("sluice_agent_queue_dropped_entries"):
                return int(float(line.split()[-1]))
    raise SystemExit("the agent does not tell what its queue dropped")


def gone_by_log(folder):
    """What the agent says of files that were gone, or truncated, before they were read."""
    told = {"files": 0, "bytes": 0, "messages_left_out": 0}
    with open(f"{folder}/agent.log", encoding="utf-8", errors="replace") as log:
        for line in log:
            if "file was gone before" in line or "before all of it was read" in line:
                told["files"] += 1
                told["bytes"] += int(found.group(1)) if (found := GONE.search(line)) else 0
                left_out = SUPPRESSED.search(line)
                told["messages_left_out"] += int(left_out.group(1)) if left_out else 0
    return told


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sluice", default=".build/release/sluice")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=5, help="of the agent and of the server, each")
    parser.add_argument("--away", type=float, default=10, help="seconds without a server")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--kept", type=int, default=20, help="rotated files that are kept")
    parser.add_argument("--keep-seconds", type=float, default=0, help="instead of --kept")
    parser.add_argument("--seconds", type=float, help="of writing; by default 4 for each kill")
    parser.add_argument("--rotate", default="500-6000", help="lines between rotations of a file")
    parser.add_argument("--netns", action="store_true", help="a bad network between the two")
    parser.add_argument("--timeout", type=int, default=10, help="of a push, seconds")
    parser.add_argument("--queue-mb", type=int, default=0, help="bytes of the disk queue, at most")
    parser.add_argument("--when-full", default="block",
                        choices=["block", "drop_oldest", "drop_newest"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=27100)
    parser.add_argument("--folder", help="made if absent; a temporary one by default")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    if options.netns:
        enter_namespace("-n", needs=["/dev/net/tun"])

    folder = options.folder or tempfile.mkdtemp(prefix="sluice-rotation-")
    os.makedirs(f"{folder}/logs", exist_ok=True)
    link = Link(options.seed) if options.netns else None
    host, agent_host = (NEAR, FAR) if link else ("127.0.0.1", "127.0.0.1")
    drops = options.when_full != "block"
    configurations(folder, host, agent_host, options)
    base = f"http://{host}:{options.port}"
    agent_command = [options.sluice, "agent", "--config", f"{folder}/agent.yml"]
    server = Process("server", [options.sluice, "server", "--config", f"{folder}/server.yml"], folder)
    agent = Process("agent", link.far_command(agent_command) if link else agent_command, folder)
    seconds = options.seconds or options.away + 4 * options.kills + 5
    numbers = Numbers(options.lines)
    writers = [
        Writer(f"{folder}/logs/{kind}-{index}.log", kind == "copy", numbers,
               options.lines / options.files / seconds, options.kept, options.keep_seconds,
               tuple(int(part) for part in options.rotate.split("-")),
               options.seed * 1000 + index)
        for index, kind in enumerate(["rename", "copy"] * ((options.files + 1) // 2))
    ][:options.files]
    say(f"{options.lines} lines through {options.files} files in {seconds:.0f} s, in {folder}")
    begin = time.monotonic()
    trouble = Trouble(link, options.seed) if link else None
    if link:
        link.start()
    try:
        server.start()
        agent.start()
        wait_ready(f"{base}/ready", server)
        killer = Killer(agent, server, options.kills, options.away, seconds - options.away - 2,
                        options.seed, spares_agent=drops)
        for thread in writers + [killer] + ([trouble] if trouble else []):
            thread.start()
        for thread in writers:
            thread.join()
        say(f"all lines are written, {sum(w.rotations for w in writers)} rotations")
        killer.join()
        if killer.failure:
            raise killer.failure
        if trouble:
            trouble.end()
        wait_ready(f"{base}/ready", server)
        wait_for_count(base, '{job="harness"}', options.lines, [agent, server], 300)
        dropped = dropped_by_queue(f"{agent_host}:{options.port + 1}") if drops else 0
        say("asking for all of them")
        result = verify(base, '{job="harness"}', options.lines,
                        lambda line: int(m.group(1)) if (m := NUMBER.match(line)) else None,
                        removed=[part for writer in writers for part in writer.removed])
    finally:
        agent.stop()
        server.stop()
        if link:
            link.stop()
    result["gone_by_the_agents_log"] = gone_by_log(folder)
    if drops:
        result["dropped_by_the_queue"] = dropped
        result["missing"] -= dropped
        if options.when_full == "drop_oldest":
            result["missing"] = max(0, result["missing"])
    if link:
        result["link"] = trouble.counts
        result["packets"] = {"carried": link.carried, "lost": link.lost}
    result.update({
        "lines": options.lines, "rotations": sum(w.rotations for w in writers),
        "agent_kills": agent.kills, "server_kills": server.kills,
        "seconds": round(time.monotonic() - begin)})
    finish(result, folder, options.keep)


if __name__ == "__main__":
    main()
