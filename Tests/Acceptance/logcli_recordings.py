#!/usr/bin/env python3
"""Runs what was recorded of a real logcli as `sluice`, against a Sluice server: output, status, requests.

The command line and the server have the clock of the recording (`faketime`); a proxy between them writes the
requests down. Exit statuses are compared as success or failure, since Sluice tells more kinds of failure
(docs/command-line.md). Fails where anything differs that is not in KNOWN. Ends with 77 (skipped) where the
recordings are absent.

    logcli_recordings.py [-v] [WORDS-OF-A-NAME]
"""
import glob, http.client, http.server, json, os, re, subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import HERE, PLAIN, SLUICE, FakeTimeServer

SHARED = os.environ.get("SHARED", os.path.join(HERE, "../../../shared"))
FILE = f"{SHARED}/conformance/loki/logcli.jsonl"
# What is otherwise on purpose, by the name of the case: docs/command-line.md and docs/differences-from-loki.md.
KNOWN = {
    "query: metric, jsonl": "JSON lines are one object a line for samples too",
    "query: bad output": "there are more forms; the status is a failure all the same",
    "version": "the version is written to standard output",
    "volume_range": "bytes are exact, not shares of chunks",
    "after flush: stats": "bytes are exact, not rounded down to whole KiB",
    "after flush: volume": "bytes are exact, not rounded down to whole KiB",
}


class Proxy(http.server.ThreadingHTTPServer):
    """Hands requests on and writes down what they were."""

    daemon_threads = True

    def __init__(self, port):
        self.target, self.seen, self.lock = port, [], threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        data = answer.read()
        headers = {k.lower(): v for k, v in self.headers.items()}
        kept = {k: headers[k] for k in ("x-query-tags", "x-scope-orgid") if k in headers}
        with self.server.lock:
            self.server.seen.append((self.command, self.path, kept, answer.status))
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in ("content-type",):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_DELETE = do_GET

    def log_message(self, *_):
        pass


def pattern(text):
    """A recorded text with <NOW> and the like standing for anything without a blank."""
    parts = re.split(r"<NOW[^>]*>", text)
    return r"[^\s&]+".join(re.escape(part) for part in parts)


def main():
    if not os.path.exists(FILE):
        print("skipped: no recordings at", FILE)
        sys.exit(77)
    verbose = "-v" in sys.argv
    wanted = " ".join(a for a in sys.argv[1:] if a != "-v")
    server = FakeTimeServer("logcli", PLAIN + "  deletes:\n    enabled: false\n")
    proxy = Proxy(server.ports["loki"])
    passed, known, wrong = 0, [], []
    for line in open(FILE):
        case = json.loads(line)
        if "argv" not in case:
            server.post(case["path"], (case.get("body") or "").encode(), case.get("headers") or {})
            if case["path"] == "/flush":
                time.sleep(1)
            continue
        if wanted and wanted not in case["name"]:
            continue
        faults = differences(case, server, proxy)
        if not faults:
            passed += 1
        elif case["name"] in KNOWN:
            known.append(case["name"])
        else:
            wrong.append(case["name"])
        if faults and (verbose or case["name"] not in KNOWN):
            print("DIFFERS", case["name"], *("\n  " + fault for fault in faults))
    server.stop()
    print(f"{passed} passed, {len(wrong)} failed, {len(known)} differ on purpose")
    sys.exit(1 if wrong else 0)


def differences(case, server, proxy):
    expect = case["expect"]
    follows = "--tail" in case["argv"]
    port = server.ports["loki"] if follows else proxy.server_address[1]
    environment = {**os.environ, "TZ": "UTC", "LD_PRELOAD": glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0],
                   "FAKETIME": FakeTimeServer.CLOCK, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    for name, value in case["env"].items():
        environment[name] = value.replace("loki.example", f"127.0.0.1:{port}")
    proxy.seen.clear()
    process = subprocess.Popen([SLUICE] + case["argv"][1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment)
    try:
        out, errors = process.communicate((case.get("stdin") or "").encode(), timeout=3 if follows else 60)
        status = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        status = "timeout"
    return list(compare(case, expect, status, out.decode(), errors.decode(), list(proxy.seen)))


def compare(case, expect, status, out, errors, seen):
    if status == "timeout" or expect["exit_code"] == "timeout":
        if status != expect["exit_code"]:
            yield f"status {status}, not {expect['exit_code']}: {errors[:300]}"
    elif (status == 0) != (expect["exit_code"] == 0):
        yield f"status {status}, not {expect['exit_code']}: {errors[:300]}"
    recorded = expect["stdout"]
    if any("sorted" in note for note in case.get("normalised") or expect.get("normalised") or []):
        recorded, out = ("\n".join(sorted(text.splitlines())) for text in (recorded, out))
    if not re.fullmatch(pattern(recorded), out):
        yield f"output {out[:600]!r}\n  not    {recorded[:600]!r}"
    wanted = [(r["method"], r["path"], {k.lower(): v for k, v in r["headers"].items() if k != "User-Agent"}, r["status"])
              for r in expect.get("requests") or []]
    seen = sorted(seen, key=lambda r: r[1]) if "--parallel-duration=1m" in case["argv"] else seen
    same = len(wanted) == len(seen) and all(
        a[0] == b[0] and re.fullmatch(pattern(a[1]), b[1]) and a[2:] == b[2:] for a, b in zip(wanted, seen))
    if not same:
        yield f"requests {seen}\n  not      {wanted}"


main()
