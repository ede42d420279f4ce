#!/usr/bin/env python3
"""Drives the commands that ask for logs as a user does, against grep, cat and bash's own completion.

    command_line.py
"""
import json, os, random, re, shutil, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import SLUICE, WORK, Server, push_body, snappy

LINES = 3000
faults = []


def check(what, got, wanted):
    if got == wanted:
        print(f"  ok    {what}")
    else:
        print(f"  WRONG {what}\n    got    {str(got)[:400]!r}\n    wanted {str(wanted)[:400]!r}")
        faults.append(what)


def sluice(*words, stdin=None, status=0, **environment):
    done = subprocess.run([SLUICE, *words], input=stdin, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "TZ": "UTC", **environment})
    if done.returncode != status:
        faults.append(" ".join(words))
        print(f"  WRONG {words}: status {done.returncode}, not {status}: {done.stderr[-400:]}")
    return done.stdout


def grep(text, *words):
    return subprocess.run(["grep", *words], input=text, capture_output=True, text=True).stdout


def standard_input(random_lines):
    text = "\n".join(random_lines) + "\n"
    for word in ["error", "took=1", "id=1[0-9]*2 "]:
        got = sluice("query", "--stdin", "-o", "raw", "--limit", "0", "--forward", f'|~ `{word}`', stdin=text)
        check(f"--stdin finds {word!r} as grep does", got, grep(text, "-E", word))
    got = sluice("--stdin", "instant-query", "-o", "raw", 'sum(count_over_time({a="b"} |= `level=error`[1h]))', stdin=text)
    check("--stdin counts as grep does", got.strip(), grep(text, "-c", "level=error").strip())
    got = sluice("query", "--stdin", "-o", "csv", "--step", "1d", "--from", "2026-01-02T00:00:00Z", "--to",
                 "2026-01-02T00:00:00Z", "--line-times", 'sum by (job) (count_over_time({job="x"} | json | n > 1[1d]))',
                 stdin='{"n":1,"t":"2026-01-01T06:00:00Z"}\n{"n":2,"t":"2026-01-01T07:00:00Z"}\n{"n":3,"t":"2026-01-01T07:00:00Z"}\n')
    check("--line-times takes the times of lines", got, "timestamp,job,value\n2026-01-02T00:00:00Z,x,2\n")


def context(url, text):
    for before, after in [(2, 2), (0, 3), (1, 0)]:
        got = sluice("query", "-o", "raw", "--forward", "--limit", "1000", "-B", str(before), "-A", str(after),
                     '{job="lines"} |= `id=77`', LOKI_ADDR=url)
        wanted = grep(text, f"-B{before}", f"-A{after}", "id=77")
        check(f"-B {before} -A {after} is grep's", [l for l in got.splitlines() if l != "--"],
              [l for l in wanted.splitlines() if l != "--"])


def downloads(url, text, start):
    whole = sluice("query", "-q", "-o", "raw", "--forward", "--limit", "0", "--batch", "130", '{job="lines"}', LOKI_ADDR=url)
    check("all lines, page by page", whole, text)
    parts = f"{WORK}/parts"
    os.makedirs(parts, exist_ok=True)
    words = ["query", "-q", "-o", "raw", "--forward", "--parallel-duration", "7m", "--parallel-max-workers", "3",
             "--from", str(start), "--to", str(start + LINES), "--part-path-prefix", f"{parts}/lines", '{job="lines"}']
    sluice(*words, LOKI_ADDR=url)
    files = sorted(os.listdir(parts))
    check("pieces have files of their own", len(files), -(-LINES // 420))
    check("the pieces are all of it", "".join(open(f"{parts}/{f}").read() for f in files), text)
    os.remove(f"{parts}/{files[1]}")
    with open(f"{parts}/{files[0]}", "w") as f:
        f.write("kept\n")
    with open(f"{parts}/{files[2]}.tmp", "w") as f:
        f.write("half")
    got = sluice(*words, "--merge-parts", "--keep-parts", LOKI_ADDR=url)
    check("only missing pieces are fetched again", got, "kept\n" + text[text.index("\n", text.index("id=419 ")) + 1:])
    got = sluice(*words, "--merge-parts", "--overwrite-completed-parts", LOKI_ADDR=url)
    check("pieces are put together in order", got, text)
    check("and their files go", [f for f in os.listdir(parts) if f.endswith(".part")], [])


def following(server, url):
    tail = subprocess.Popen([SLUICE, "tail", "-o", "raw", "--addr", url, '{job="tail"}'], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    wanted = []

    def push(count):
        now = time.time_ns()
        lines = [(now + i, f"line {len(wanted) + i}".encode()) for i in range(count)]
        status, body = server.post("/loki/api/v1/push", snappy(push_body([('{job="tail"}', lines)])),
                                   {"Content-Type": "application/x-protobuf"})
        if status != 204:
            faults.append(f"push: {status} {body}")
        wanted.extend(line.decode() for _, line in lines)

    push(50)
    time.sleep(1)
    server.stop()
    server.start()
    push(50)
    time.sleep(6)
    push(7)
    time.sleep(1.5)
    tail.terminate()
    got = tail.communicate()[0].splitlines()
    check("a tail goes on behind a restart: no line lost, none twice", sorted(got, key=lambda l: int(l.split()[1])), wanted)


def completion(url):
    def complete(line):
        script = ('source <("$SLUICE" completion bash); PATH=$(dirname "$SLUICE"):$PATH; COMP_LINE=$1; COMP_POINT=${#1}; '
                  'compopt() { :; }; _sluice; printf "%s\\n" "${COMPREPLY[@]}"')
        out = subprocess.run(["bash", "-c", script, "bash", line], capture_output=True, text=True,
                             env={**os.environ, "SLUICE": SLUICE, "LOKI_ADDR": url})
        return sorted(out.stdout.split("\n")[:-1])

    check("bash completes commands", complete("sluice ser"), ["series", "server"])
    check("bash completes options", complete("sluice query --merge"), ["--merge-parts"])
    check("bash completes label names", complete("sluice query '{jo"), ["'{job="])
    check("bash completes label values", complete("sluice query '{job=\"li"), ["'{job=\"lines\""])
    check("bash completes what --addr answers", complete(f"sluice query --addr {url} '{{job=\"ta"), ["'{job=\"tail\""])
    for shell in ["zsh", "fish"]:
        script = sluice("completion", shell)
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
            check(f"{shell} can read its script", (done.returncode, done.stderr), (0, ""))


def main():
    random.seed(4)
    texts = [f"id={i} level={random.choice(['info', 'warn', 'error'])} took={random.randint(0, 99)}ms" for i in range(LINES)]
    text = "\n".join(texts) + "\n"
    standard_input(texts)
    server = Server("command-line")
    url = f"http://127.0.0.1:{server.ports['loki']}"
    start = int(time.time()) - LINES - 5
    body = push_body([('{job="lines"}', [((start + i) * 10**9, line.encode()) for i, line in enumerate(texts)])])
    status, answer = server.post("/loki/api/v1/push", snappy(body), {"Content-Type": "application/x-protobuf"})
    if status != 204:
        sys.exit(f"push: {status} {answer}")
    context(url, text)
    downloads(url, text, start)
    following(server, url)
    completion(url)
    server.stop()
    print(f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
