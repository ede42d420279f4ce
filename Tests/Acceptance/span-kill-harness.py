#!/usr/bin/env python3
"""Kills the server with SIGKILL at random moments while spans come in, are flushed and merged.

    span-kill-harness.py [CYCLES] [--seed N] [--verify-every N] [--retention] [--pause SECONDS]

Bodies of numbered spans are sent all the time over OTLP, Zipkin's JSON and Jaeger's Thrift; a body that
is not answered is sent again as it was. After each start some traces are asked for, and every so often
all: a span that was acknowledged must be there once, and none may be there twice. With --retention spans a month old
come in as well, by turns alone, which the server keeps for two days: they may go, the others may not.
"""
import argparse, http.client, json, random, struct, sys, threading, time, urllib.error, urllib.request
from servers import Server, field, varint

SETTINGS = """\
  retention: {retention}
  storage:
    head_max_size: 1MB
    head_max_age: 300ms
    wal_file_size: 1MB
    min_free_disk: 10MB
    compaction_share: 1
"""
START = time.time_ns() // 10**9 * 10**9 - 3600 * 10**9
MONTH = 30 * 86400 * 10**9


def otlp(trace, ids, start=START):
    def fixed(number, value):
        return varint(number << 3 | 1) + struct.pack("<Q", value)

    spans = b"".join(field(2, field(1, trace.to_bytes(16, "big")) + field(2, i.to_bytes(8, "big")) + field(5, b"op") + fixed(7, start + i) + fixed(8, start + i + 1000)
                           + field(9, field(1, b"n") + field(2, field(1, str(i).encode())))) for i in ids)
    service = field(1, field(1, b"service.name") + field(2, field(1, b"kills")))
    return "otlp_http", "/v1/traces", "application/x-protobuf", field(1, field(1, service) + field(2, spans))


def month_old(trace, ids):
    return otlp(trace, ids, START - MONTH)


def zipkin(trace, ids):
    spans = [{"traceId": f"{trace:032x}", "id": f"{i:016x}", "name": "op", "timestamp": (START + i) // 1000, "duration": 1, "localEndpoint": {"serviceName": "kills"}, "tags": {"n": str(i)}} for i in ids]
    return "zipkin", "/api/v2/spans", "application/json", json.dumps(spans).encode()


def jaeger(trace, ids):
    def text(number, value):
        return struct.pack(">BhI", 11, number, len(value)) + value

    def long(number, value):
        return struct.pack(">BhQ", 10, number, value)

    def span(i):
        tag = text(1, b"n") + struct.pack(">Bhi", 8, 2, 0) + text(3, str(i).encode()) + b"\0"
        return (long(1, trace & (2**64 - 1)) + long(2, trace >> 64) + long(3, i) + long(4, 0) + text(5, b"op") + struct.pack(">Bhi", 8, 7, 1) + long(8, (START + i) // 1000)
                + long(9, 1) + struct.pack(">BhBi", 15, 10, 12, 1) + tag + b"\0")

    body = struct.pack(">Bh", 12, 1) + text(1, b"kills") + b"\0" + struct.pack(">BhBi", 15, 2, 12, len(ids)) + b"".join(map(span, ids)) + b"\0"
    return "jaeger_http", "/api/traces", "application/x-thrift", body


class Sender(threading.Thread):
    """Sends bodies of one format until told to end; each body is one trace's spans."""

    def __init__(self, server, number, form, pause):
        super().__init__(daemon=True)
        self.server, self.number, self.form, self.pause = server, number, form, pause
        self.random, self.ending, self.rests, self.next = random.Random(number), False, False, 1
        self.acknowledged, self.sent, self.bodies, self.refused = {}, {}, 0, []

    def run(self):
        while not self.ending:
            if self.rests:
                time.sleep(0.02)
                continue
            # A trace gets several bodies, so that its spans lie in several segments.
            trace = (self.number + 1) << 64 | self.next // 200 + 1
            ids = list(range(self.next, self.next + self.random.choice([1, 5, 40])))
            self.next = ids[-1] + 1
            self.sent.setdefault(trace, set()).update(ids)
            port, path, kind, body = self.form(trace, ids)
            while not self.ending:
                if self.send(port, path, kind, body):
                    self.acknowledged.setdefault(trace, set()).update(ids)
                    self.bodies += 1
                    time.sleep(self.pause)
                    break
                time.sleep(0.02)

    def send(self, port, path, kind, body):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.server.ports[port], timeout=5)
            c.request("POST", path, body, {"Content-Type": kind})
            status = c.getresponse().status
            c.close()
        except OSError:
            return False
        except http.client.HTTPException:
            return False
        if status not in (200, 202, 503):
            self.refused.append(status)
        return status in (200, 202)


def stored(server, trace, tries=2):
    url = f"http://127.0.0.1:{server.ports['jaeger_query']}/api/traces/{trace:032x}?raw=true"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return [int(s["spanID"], 16) for t in json.load(answer)["data"] for s in t["spans"]]
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return []
        raise
    except TimeoutError:
        if tries == 1:
            raise
        print(f"no answer in 30 s for trace {trace:x}; asked again", flush=True)
        return stored(server, trace, tries - 1)


def check(server, sender, traces, faults):
    for trace in traces:
        acknowledged = set(sender.acknowledged.get(trace, ()))
        got = stored(server, trace)
        lost = acknowledged - set(got)
        if lost and sender.form is not month_old:
            faults.append(f"{sender.form.__name__}: trace {trace:x} lost {len(lost)} acknowledged spans, such as {min(lost)}")
        if len(got) != len(set(got)):
            faults.append(f"{sender.form.__name__}: trace {trace:x} has {len(got) - len(set(got))} spans twice")
        if strange := set(got) - sender.sent.get(trace, set()):
            faults.append(f"{sender.form.__name__}: trace {trace:x} has spans that nobody sent: {min(strange)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cycles", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verify-every", type=int, default=100)
    parser.add_argument("--retention", action="store_true")
    parser.add_argument("--pause", type=float, default=0, help="seconds from an answer to the next body, for long runs")
    a = parser.parse_args()
    chance, faults = random.Random(a.seed), []
    server = Server("span-kills", SETTINGS.format(retention="48h" if a.retention else "0s"))
    forms = [otlp, zipkin, jaeger] + [month_old] * a.retention
    senders = [Sender(server, n, form, a.pause) for n, form in enumerate(forms)]
    for sender in senders:
        sender.start()
    for cycle in range(1, a.cycles + 1):
        # Old spans alone come to lie in segments of their own, which retention drops.
        for sender in senders:
            sender.rests = a.retention and sender.form is not month_old and cycle % 3 == 0
        time.sleep(chance.uniform(0.02, 0.6))
        server.kill()
        server.start()
        for sender in senders:
            known = list(sender.acknowledged)
            traces = known if cycle % a.verify_every == 0 else known[-1:] + chance.sample(known, min(2, len(known)))
            check(server, sender, traces, faults)
        if cycle % a.verify_every == 0:
            print(f"{cycle} kills, {sum(s.bodies for s in senders)} bodies acknowledged, {len(faults)} faults", flush=True)
        if faults:
            break
    for sender in senders:
        sender.ending = True
    for sender in senders:
        sender.join(10)
    server.kill()
    server.start()
    for sender in senders:
        check(server, sender, list(sender.acknowledged), faults)
        if sender.refused:
            faults.append(f"{sender.form.__name__}: refused with {set(sender.refused)}")
    for sender in senders:
        if sender.form is month_old:
            kept = sum(len(set(stored(server, trace))) for trace in sender.acknowledged)
            sent = sum(len(ids) for ids in sender.acknowledged.values())
            print(f"{sent - kept} of {sent} spans a month old are gone")
            if kept == sent:
                faults.append("retention dropped nothing")
    server.stop()
    spans = sum(len(ids) for s in senders for ids in s.acknowledged.values())
    print(f"{a.cycles} kills, {spans} spans acknowledged in {sum(s.bodies for s in senders)} bodies, {len(faults)} faults")
    for fault in faults[:20]:
        print("WRONG", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
