#!/usr/bin/env python3
"""Kills the server with SIGKILL at random moments of ingest, flush, compaction, deletes and retention.

    kill-harness.py [CYCLES] [--seed N]

Numbered lines are pushed all the time; a push that is not answered is sent again as it was. After
each start a question counts them, and every so often all are read: a line that was acknowledged must
be there once, none may be there twice, and lines that were deleted must stay away.
"""
import argparse, datetime, http.client, json, random, sys, threading, time
import servers
from servers import Server, push_body, snappy

RETENTION_SECONDS = 24 * 3600
SETTINGS = """\
  storage:
    head_max_size: 1MB
    head_max_age: 300ms
    retention_interval: 1s
    wal_file_size: 1MB
    min_free_disk: 10MB
    compaction_share: 1
  deletes: {cancel_period: 0s}
  limits:
    ingestion_rate_mb: 1000
    ingestion_burst_size_mb: 1000
    per_stream_rate_limit: 1GB
    per_stream_rate_limit_burst: 1GB
    retention_stream:
      - {selector: '{job="old"}', priority: 1, period: 24h}
"""


class Ledger:
    """What was sent, acknowledged and deleted; lines are known by their text."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent, self.acknowledged, self.deleting, self.deleted = {}, {}, set(), set()
        self.batches = []
        self.jobs = {}

    def job(self, line):
        return self.jobs[line.split(" ", 1)[0]]


class Pusher(threading.Thread):
    def __init__(self, ledger, server, number, seed):
        super().__init__(daemon=True)
        self.ledger, self.server, self.number = ledger, server, number
        self.random, self.next, self.ending = random.Random(seed), 0, False
        self.pushes = 0

    def batch(self):
        """A push of lines nobody has seen before."""
        now = time.time_ns()
        job = self.random.choices(["new", "old", "del"], [6, 1, 2])[0]
        name = f"{self.number}-{self.next}"
        count = self.random.choice([1, 3, 20, 100])
        entries = []
        for at in range(count):
            stamp = now + at
            if job == "old":
                stamp -= (RETENTION_SECONDS - self.random.randint(-2, 30)) * 10**9
            entries.append((stamp, f"batch={name} line={at} {'x' * self.random.randint(0, 300)}"))
        self.next += 1
        labels = '{job="%s", worker="%d"}' % (job, self.number)
        return job, name, sorted(entries), snappy(push_body([(labels, [(t, l.encode()) for t, l in sorted(entries)])]))

    def run(self):
        connection = None
        while not self.ending:
            job, name, entries, body = self.batch()
            with self.ledger.lock:
                self.ledger.sent.update({line: stamp for stamp, line in entries})
                self.ledger.jobs["batch=" + name] = job
            while not self.ending:
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.server.ports["loki"], timeout=20)
                    connection.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/x-protobuf"})
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 204:
                        with self.ledger.lock:
                            self.ledger.acknowledged.update({line: stamp for stamp, line in entries})
                            if job == "del":
                                self.ledger.batches.append((name, [line for _, line in entries]))
                        self.pushes += 1
                        time.sleep(0.1)
                        break
                    if answer.status not in (429, 500, 503):
                        sys.exit(f"a push was answered {answer.status}")
                except (OSError, http.client.HTTPException):
                    connection = None
                time.sleep(0.02)


def now_text():
    """Now to the microsecond: lines of this very second are deleted too."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


class Asker(threading.Thread):
    """Flushes and deletes at random, while the server lives."""

    def __init__(self, ledger, server, seed):
        super().__init__(daemon=True)
        self.ledger, self.server, self.random, self.ending = ledger, server, random.Random(seed), False
        self.flushes = self.deletes = 0

    def post(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.ports["loki"], timeout=20)
        try:
            connection.request("POST", path, b"")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def run(self):
        while not self.ending:
            time.sleep(self.random.uniform(0.01, 0.2))
            if self.random.random() < 0.6:
                self.flushes += self.post("/flush") == 204
                continue
            with self.ledger.lock:
                if not self.ledger.batches:
                    continue
                name, lines = self.ledger.batches.pop(self.random.randrange(len(self.ledger.batches)))
                self.ledger.deleting.update(lines)
            query = servers.urllib.parse.urlencode(
                {"query": '{job="del"} |= "batch=%s "' % name, "start": int(time.time()) - 3600, "end": now_text()})
            status = self.post("/loki/api/v1/delete?" + query)
            if status == 404:
                self.ledger.deleting.difference_update(lines)
            if status == 204:
                self.deletes += 1
                with self.ledger.lock:
                    self.ledger.deleted.update(lines)


def count(server, job, start, end):
    query = 'sum(count_over_time({job="%s"}[%ds]))' % (job, end - start)
    status, body = server.ask("/loki/api/v1/query", {"query": query, "time": end})
    if status != 200:
        sys.exit(f"a question was answered {status}: {body[:300]}")
    result = json.loads(body)["data"]["result"]
    return int(result[0]["value"][1]) if result else 0


def lines(server, job, start, end):
    """All lines of a job, page after page, each as often as it comes."""
    found, at, last = [], start * 10**9, set()
    while True:
        status, body = server.ask(
            "/loki/api/v1/query_range",
            {"query": '{job="%s"}' % job, "start": at, "end": end * 10**9, "limit": 5000, "direction": "forward"})
        if status != 200:
            sys.exit(f"a question was answered {status}: {body[:300]}")
        answer = json.loads(body)
        if answer["data"].get("warnings") or answer.get("warnings"):
            sys.exit(f"an answer came with warnings: {answer.get('warnings')}")
        page = sorted((int(stamp), line) for stream in answer["data"]["result"] for stamp, line in stream["values"])
        # Pages overlap in the last moment of the one before.
        fresh = [entry for entry in page if entry not in last]
        if not fresh:
            return found
        found += [line for _, line in fresh]
        at = page[-1][0]
        last = {entry for entry in page if entry[0] == at}


def verify(server, ledger, began):
    end = int(time.time()) + 60
    faults = []
    with ledger.lock:
        acknowledged = dict(ledger.acknowledged)
        deleted = set(ledger.deleted)
    total = 0
    for job in ["new", "old", "del"]:
        start = began - RETENTION_SECONDS - 120 if job == "old" else began - 60
        found = lines(server, job, start, end if job != "old" else began + 120)
        total += len(found)
        there = set(found)
        # Lines older than this may be gone: retention works on while this reads.
        kept_since = (time.time() - RETENTION_SECONDS + 5) * 10**9
        if len(there) != len(found):
            faults.append(f"{job}: {len(found) - len(there)} lines are there twice")
        # Pushes go on while this reads.
        with ledger.lock:
            invented = [line for line in there if line not in ledger.sent]
        if invented:
            faults.append(f"{job}: {len(invented)} lines were never sent, such as {invented[0]!r}")
        if there & deleted:
            faults.append(f"{job}: {len(there & deleted)} deleted lines are there")
        with ledger.lock:
            gone = deleted | ledger.deleting
        lost = [
            line for line, stamp in acknowledged.items()
            if line not in there and line not in gone and stamp > kept_since and ledger.job(line) == job]
        if lost:
            faults.append(f"{job}: {len(lost)} acknowledged lines are lost, such as {lost[0]!r}")
    return total, faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cycles", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--verify-every", type=int, default=25)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    began = int(time.time())
    ledger = Ledger()
    server = Server("kill", SETTINGS)
    pushers = [Pusher(ledger, server, number, options.seed * 100 + number) for number in range(3)]
    asker = Asker(ledger, server, options.seed + 7)
    for thread in pushers + [asker]:
        thread.start()
    checks = 0
    for cycle in range(1, options.cycles + 1):
        time.sleep(rng.choice([rng.uniform(0, 0.1), rng.uniform(0, 1.5)]))
        server.kill()
        # A client's connection may hold one of the ports for a moment.
        for _ in range(20):
            server.start(fails_ok=True)
            if server.process.poll() is None:
                break
            time.sleep(0.5)
        else:
            sys.exit("the server does not start:\n" + open(server.log_path).read()[-3000:])
        with ledger.lock:
            least = sum(1 for line in ledger.acknowledged if ledger.job(line) == "new")
        now = int(time.time()) + 60
        there = count(server, "new", began - 60, now)
        with ledger.lock:
            most = sum(1 for line in ledger.sent if ledger.job(line) == "new")
        if not least <= there <= most:
            sys.exit(f"cycle {cycle} (seed {options.seed}): {there} lines are there, {least} were acknowledged, {most} sent")
        if cycle % options.verify_every == 0 or cycle == options.cycles:
            total, faults = verify(server, ledger, began)
            checks += 1
            if faults:
                sys.exit(f"cycle {cycle} (seed {options.seed}): " + "; ".join(faults) + f"\nthe data are in {server.data}")
            print(f"cycle {cycle}: {total} lines read, {len(ledger.acknowledged)} acknowledged, "
                  f"{len(ledger.deleted)} deleted: none lost, none twice", flush=True)
    for thread in pushers + [asker]:
        thread.ending = True
    for thread in pushers + [asker]:
        thread.join()
    status, metrics = server.ask("/metrics", {})
    server.stop()
    print(f"{options.cycles} kills, seed {options.seed}: {sum(p.pushes for p in pushers)} pushes, {asker.flushes} flushes, "
          f"{asker.deletes} deletes, {checks} full readings; nothing acknowledged was lost, nothing came twice")


if __name__ == "__main__":
    main()
