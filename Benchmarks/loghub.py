#!/usr/bin/env python3
"""Bytes on disk of real programs' logs: the 16 Loghub samples, one stream each, in Sluice and in VictoriaLogs.

  loghub.py SAMPLES [--sluice BINARY] [--victoria BINARY] [--repeat 20] [--port 21150]

Each sample is pushed `--repeat` times with fresh timestamps, a line a millisecond, the samples in turn, as
programs that run side by side would do. The server is then flushed, left alone until its folder stays as it
is for `--still` seconds (a merge in the background writes little for a while), and ended; what its folder then takes on disk is printed, with the ratio of both.
"""
import argparse, glob, http.client, json, os, shutil, subprocess, sys, tempfile, time, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Acceptance"))
from servers import push_body, snappy  # noqa: E402

START_NS = time.time_ns() - 3600 * 10**9
LINES_A_PUSH = 1000
SLUICE_CONFIG = """\
server:
  data_dir: {data}
  listen: {{loki: "127.0.0.1:{port}", otlp_grpc: off, otlp_http: off, zipkin: off, jaeger_http: off,
           jaeger_compact: off, jaeger_binary: off, jaeger_query: off, tempo: off}}
  limits: {{ingestion_rate_mb: 4000, ingestion_burst_size_mb: 4000, per_stream_rate_limit: 4GB,
           per_stream_rate_limit_burst: 4GB}}
"""


def on_disk(folder):
    """Bytes that the files take, and bytes that are in them."""
    taken = held = 0
    for place, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(place, name))
            taken, held = taken + status.st_blocks * 512, held + status.st_size
    return taken, held


def bodies(folder, repeat):
    """Push bodies, the samples in turn; the bytes of their lines come with each."""
    samples = {}
    for path in sorted(glob.glob(f"{folder}/*.log")):
        lines = open(path, "rb").read().replace(b"\r\n", b"\n").split(b"\n")
        samples[os.path.basename(path).removesuffix("_2k.log")] = [line for line in lines if line]
    if len(samples) != 16:
        sys.exit(f"{folder} has {len(samples)} samples, not 16")
    clock = START_NS
    for _ in range(repeat):
        for name, lines in samples.items():
            stamp = clock
            for at in range(0, len(lines), LINES_A_PUSH):
                part = [(stamp + i * 10**6, line) for i, line in enumerate(lines[at:at + LINES_A_PUSH])]
                stamp += LINES_A_PUSH * 10**6
                labels = '{job="loghub", program="%s"}' % name
                yield snappy(push_body([(labels, part)])), sum(len(line) for _, line in part), len(part)
        clock += max(len(lines) for lines in samples.values()) * 10**6


def settle(folder, still):
    last, since = on_disk(folder), time.monotonic()
    while time.monotonic() - since < still:
        time.sleep(0.5)
        now = on_disk(folder)
        if now != last:
            last, since = now, time.monotonic()


def measure(name, command, port, push_path, flush, data, a):
    log = open(f"{data}.log", "w")
    server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(100):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
                connection.connect()
                break
            except OSError:
                time.sleep(0.1)
        raw = lines = 0
        for body, size, count in bodies(a.samples, a.repeat):
            connection.request("POST", push_path, body, {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in (200, 204):
                sys.exit(f"{name} refuses a push: {answer.status} {text[:300]!r}")
            raw, lines = raw + size, lines + count
        for method, path in flush:
            url = f"http://127.0.0.1:{port}{path}"
            urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=120).read()
            settle(data, a.still)
    finally:
        server.terminate()
        server.wait()
    taken, held = on_disk(data)
    return {"server": name, "raw_mb": round(raw / 1e6, 2), "lines": lines, "disk_mb": round(taken / 1e6, 2),
            "file_mb": round(held / 1e6, 2), "ratio": round(raw / taken, 2)}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("samples")
    p.add_argument("--sluice", help="the release binary")
    p.add_argument("--victoria", help="victoria-logs")
    p.add_argument("--repeat", type=int, default=20)
    p.add_argument("--still", type=int, default=45)
    p.add_argument("--port", type=int, default=21150)
    a = p.parse_args()
    folder = tempfile.mkdtemp(prefix="sluice-loghub.")
    found = {}
    if a.sluice:
        data = f"{folder}/sluice"
        os.mkdir(data)
        open(f"{folder}/sluice.yml", "w").write(SLUICE_CONFIG.format(data=data, port=a.port))
        found["sluice"] = measure("sluice", [a.sluice, "server", "--config", f"{folder}/sluice.yml"], a.port, "/loki/api/v1/push", [("POST", "/flush")], data, a)
    if a.victoria:
        data = f"{folder}/victoria"
        os.mkdir(data)
        command = [a.victoria, f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{a.port + 1}"]
        # `force_merge` brings what small parts remain together: its best case.
        found["victoria"] = measure("victoria", command, a.port + 1, "/insert/loki/api/v1/push?disable_message_parsing=1", [("GET", "/internal/force_flush"), ("GET", "/internal/force_merge")], data, a)
    for row in found.values():
        print(json.dumps(row))
    if len(found) == 2:
        print(json.dumps({"sluice_to_victoria": round(found["sluice"]["disk_mb"] / found["victoria"]["disk_mb"], 3)}))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
