#!/usr/bin/env python3
"""Asks for many lines at once and prints what the answers cost the server.

  lines.py --base http://127.0.0.1:3100 --corpus DIR --pid PID [--limit 100000] [--runs 5] [QUERY ...]

For each query the answer's size, the server's CPU time, the answer's bytes for each second of that, and the wall time.
The corpus is one of corpus.py; the server's `max_entries_limit_per_query` must admit the limit (ingest.yml does).
"""
import argparse, json, os, statistics, time, urllib.parse, urllib.request

HZ = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    f = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(f[11]) + int(f[12])) / HZ


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--base", required=True)
    p.add_argument("--corpus", required=True)
    p.add_argument("--pid", type=int, required=True)
    p.add_argument("--limit", type=int, default=100_000)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("queries", nargs="*")
    a = p.parse_args()
    info = json.load(open(f"{a.corpus}/corpus.json"))
    for query in a.queries or ['{app="app"}', '{app="nginx"}', '{app="worker"}', '{app="app"} | json']:
        asked = {"query": query, "start": info["start_ns"], "end": info["end_ns"], "limit": a.limit, "direction": "forward"}
        url = a.base + "/loki/api/v1/query_range?" + urllib.parse.urlencode(asked)
        urllib.request.urlopen(url).read()
        walls, size, before = [], 0, cpu(a.pid)
        for _ in range(a.runs):
            begun = time.monotonic()
            size = len(urllib.request.urlopen(url).read())
            walls.append(time.monotonic() - begun)
        used = (cpu(a.pid) - before) / a.runs
        print(f"{query:24} {size / 1e6:6.1f} MB {used * 1e3:6.0f} ms CPU {size / max(used, 1 / HZ) / 1e6:6.0f} MB per CPU-second "
              f"{statistics.median(walls) * 1e3:6.0f} ms wall")


if __name__ == "__main__":
    main()
