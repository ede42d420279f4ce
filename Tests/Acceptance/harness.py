"""What the acceptance harnesses share: a server and an agent that are killed and started again,
and the check that each numbered line is in the store exactly once. Python 3, standard library."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PAGE = 5000


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def write_file(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Process:
    """`sluice server` or `sluice agent`, its output kept in a file."""

    def __init__(self, name, command, folder):
        self.name, self.command = name, command
        self.log = open(os.path.join(folder, f"{name}.log"), "ab")
        self.process = None
        self.kills = 0

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)

    def kill(self):
        """kill -9, at whatever it is doing."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def check(self):
        if self.process and self.process.poll() is not None:
            raise SystemExit(f"{self.name} ended by itself with {self.process.returncode}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Killer(threading.Thread):
    """Kills agent and server `kills` times each at random moments within `seconds`, and keeps the
    server away once for `away` seconds. Nothing is killed in the first second of its life, so that
    some work is done in between."""

    def __init__(self, agent, server, kills, away, seconds, seed, spares_agent=False):
        super().__init__(daemon=True)
        self.spares_agent = spares_agent
        self.agent, self.server = agent, server
        self.random = random.Random(seed)
        self.away = away
        self.failure = None
        moments = sorted(self.random.uniform(2, max(3, seconds)) for _ in range(kills))
        others = sorted(self.random.uniform(2, max(3, seconds)) for _ in range(kills))
        plan = [(moment, "agent") for moment in moments] + [(m, "server") for m in others]
        self.plan = sorted(one for one in plan if not (spares_agent and one[1] == "agent"))
        self.away_at = kills // 2

    def run(self):
        try:
            self.work()
        except BaseException as error:  # told to the main thread
            self.failure = error

    def work(self):
        start = time.monotonic()
        servers = 0
        for moment, name in self.plan:
            while time.monotonic() - start < moment:
                time.sleep(0.02)
            process = self.agent if name == "agent" else self.server
            process.check()
            process.kill()
            pause = self.random.uniform(0, 1.5)
            if name == "server":
                if servers == self.away_at and self.away:
                    say(f"the server is away for {self.away} s")
                    pause = self.away
                servers += 1
                if pause > 5:
                    self.kill_agent_meanwhile(pause)
                    pause = 0
            time.sleep(pause)
            process.start()
            time.sleep(1)
        say(f"killed the agent {self.agent.kills} and the server {self.server.kills} times")

    def kill_agent_meanwhile(self, seconds):
        """While the server is away the agent dies once as well."""
        time.sleep(seconds / 2)
        if not self.spares_agent:
            self.agent.check()
            self.agent.kill()
            self.agent.start()
        time.sleep(seconds / 2)


def get(url, timeout=60):
    with urllib.request.urlopen(url, timeout=timeout) as response:
        return json.loads(response.read())


def wait_ready(url, process, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        process.check()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"{process.name} is not ready after {seconds} s")


def query_pages(base, selector, start, end):
    """All entries of a selector, oldest first: pages by time, entries of the page's last moment
    asked for again and passed over."""
    at, seen = start, set()
    while True:
        parameters = urllib.parse.urlencode({
            "query": selector, "start": at, "end": end, "limit": PAGE, "direction": "forward"})
        answer = get(f"{base}/loki/api/v1/query_range?{parameters}")
        rows = [
            (int(stamp), line, json.dumps(stream["stream"], sort_keys=True))
            for stream in answer["data"]["result"] for stamp, line in stream["values"]]
        fresh = [row for row in rows if row not in seen]
        yield from sorted(fresh)
        if len(rows) < PAGE or not fresh:
            if len(rows) >= PAGE:
                raise SystemExit("more entries share one moment than a page holds")
            return
        last = max(row[0] for row in rows)
        seen = {row for row in rows if row[0] == last} | ({r for r in seen if r[0] == last})
        at = last


def count_lines(base, selector):
    query = urllib.parse.urlencode({"query": f"sum(count_over_time({selector}[24h]))"})
    result = get(f"{base}/loki/api/v1/query?{query}")["data"]["result"]
    return int(float(result[0]["value"][1])) if result else 0


def wait_for_count(base, selector, expected, processes, seconds):
    """Waits until the store has `expected` lines or its count rests for 45 seconds."""
    deadline, last, rested = time.monotonic() + seconds, -1, time.monotonic()
    while time.monotonic() < deadline:
        for process in processes:
            process.check()
        try:
            count = count_lines(base, selector)
        except (urllib.error.URLError, ConnectionError, OSError):
            time.sleep(1)
            continue
        if count != last:
            say(f"the store counts {count} lines")
            last, rested = count, time.monotonic()
        if count >= expected or time.monotonic() - rested > 45:
            # What comes twice comes a little later.
            time.sleep(2)
            return count
        time.sleep(1)
    return last


def verify(base, selector, expected, number_of, wanted=None, removed=()):
    """Counts how often each number from 0 up to `expected` is there; those that are not among
    `wanted` need not be, by default all are. Those that are missing of the ranges `removed`, whose
    files are gone, are counted apart."""
    times = bytearray(expected)
    unknown, total, examples = 0, 0, []
    end = time.time_ns() + 3600 * 10**9
    for stamp, line, stream in query_pages(base, selector, end - 24 * 3600 * 10**9, end):
        total += 1
        number = number_of(line)
        if number is None or not 0 <= number < expected:
            unknown += 1
            examples.append(f"unexpected: {line[:120]}")
            continue
        if times[number] and len(examples) < 20:
            examples.append(f"twice: {number} at {stamp} in {stream}")
        times[number] = min(255, times[number] + 1)
    gone = bytearray(expected)
    for part in removed:
        gone[part.start:part.stop] = b"\1" * len(part)
    missing = [number for number, count in enumerate(times)
               if count == 0 and (wanted is None or number in wanted)]
    of_removed = [number for number in missing if gone[number]]
    missing = [number for number in missing if not gone[number]]
    twice = [number for number, count in enumerate(times) if count > 1]
    examples += [f"missing: {number}" for number in missing[:20]]
    return {
        "entries": total, "missing": len(missing),
        "missing_of_removed_files": len(of_removed), "twice": len(twice), "unexpected": unknown,
        "examples": examples[:40]}


def finish(result, folder, keep):
    print(json.dumps(result, indent=2))
    good = result["missing"] == result["twice"] == result["unexpected"] == 0
    if not good:
        print(f"the folder {folder} is kept", file=sys.stderr)
    elif not keep:
        import shutil
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if good else 1)
