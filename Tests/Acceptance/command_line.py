#!/usr/bin/env python3
"""Drives the commands that ask for logs as a user does, against grep, cat and bash's own completion.

    command_line.py
"""
import json, os, random, re, shutil, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import SLUICE, WORK, Server, free_ports, push_body, snappy

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
    check("bash completes label names", complete("sluice query '{jo"), ["'{job=", "'{job=~"])
    check("bash completes label values", complete("sluice query '{job=\"li"), ["'{job=\"lines\"", "'{job=\"lines\"}"])
    check("bash completes what --addr answers", complete(f"sluice query --addr {url} '{{job=\"ta"), ["'{job=\"tail\"", "'{job=\"tail\"}"])
    for shell in ["zsh", "fish"]:
        script = sluice("completion", shell)
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
            check(f"{shell} can read its script", (done.returncode, done.stderr), (0, ""))


NGINX = """daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events { worker_connections 64; }
http {
  access_log access.log; client_body_temp_path body; proxy_temp_path temporary; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  proxy_http_version 1.1; map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
  ssl_certificate server.pem; ssl_certificate_key server.key;
  server { listen 127.0.0.1:%(tls)d ssl; location / { proxy_pass %(loki)s; } }
  server { listen 127.0.0.1:%(mutual)d ssl; ssl_client_certificate ca.pem; ssl_verify_client on;
           location / { proxy_pass %(loki)s; } }
  server { listen 127.0.0.1:%(proxy)d; location / { add_header via-proxy yes; proxy_pass http://$http_host$request_uri; } }
}
"""


def certificates(folder):
    """An authority of our own, certificates for 127.0.0.1 and for a client, and another authority."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    new = ["-newkey", "rsa:2048", "-nodes"]
    for name in ["ca", "other"]:
        openssl("req", "-x509", *new, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "2")
    for name, extra in [("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")]:
        with open(f"{folder}/{name}.ext", "w") as f:
            f.write(extra)
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")


def encrypted(server, url, text):
    """TLS, client certificates and a proxy, with nginx on the other side."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(nginx):
        return print("  skipped: there is no nginx")
    folder = f"{WORK}/nginx"
    os.makedirs(folder, exist_ok=True)
    certificates(folder)
    ports = dict(zip(["tls", "mutual", "proxy"], free_ports(3)))
    with open(f"{folder}/nginx.conf", "w") as f:
        f.write(NGINX % {**ports, "loki": url})
    process = subprocess.Popen([nginx, "-p", folder, "-c", "nginx.conf"], stderr=subprocess.PIPE)
    try:
        time.sleep(1)
        tls, mutual = (f"https://127.0.0.1:{ports[name]}" for name in ["tls", "mutual"])
        ca, other = f"--ca-cert={folder}/ca.pem", f"--ca-cert={folder}/other.pem"
        pair = [f"--cert={folder}/client.pem", f"--key={folder}/client.key"]
        ask = ["query", "-q", "-o", "raw", "--forward", "--limit", "0", '{job="lines"}']
        check("over TLS with --ca-cert", sluice(*ask, "--addr", tls, ca), text)
        check("the same by LOKI_CA_CERT_PATH", sluice(*ask, LOKI_ADDR=tls, LOKI_CA_CERT_PATH=f"{folder}/ca.pem"), text)
        check("with --tls-skip-verify", sluice(*ask, "--addr", tls, "--tls-skip-verify"), text)
        check("an authority that nobody knows is refused", sluice(*ask, "--addr", tls, status=1), "")
        check("another authority is refused", sluice(*ask, "--addr", tls, other, status=1), "")
        named = tls.replace("127.0.0.1", "localhost")
        check("a certificate of another name is refused", sluice(*ask, "--addr", named, ca, status=1), "")
        check("with a certificate of one's own", sluice(*ask, "--addr", mutual, ca, *pair), text)
        check("without one nginx refuses", sluice(*ask, "--addr", mutual, ca, status=1), "")
        check("through a proxy", sluice(*ask, "--addr", url, "--proxy-url", f"http://127.0.0.1:{ports['proxy']}"), text)
        with open(f"{folder}/access.log") as log:
            check("the proxy was asked for the whole URL", f"GET {url}/loki/api/v1/query_range" in log.read(), True)
        check("a proxy that is not there", sluice(*ask, "--addr", url, "--proxy-url", "http://127.0.0.1:1", status=1), "")
        tail = subprocess.Popen([SLUICE, "tail", "-o", "raw", "--addr", mutual, ca, *pair, '{job="secret"}'],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        body = push_body([('{job="secret"}', [(time.time_ns(), b"followed over TLS")])])
        server.post("/loki/api/v1/push", snappy(body), {"Content-Type": "application/x-protobuf"})
        time.sleep(1.5)
        tail.terminate()
        check("a tail over TLS with a certificate", tail.communicate()[0], "followed over TLS\n")
    finally:
        process.terminate()
        process.wait()


def statuses(url):
    """0 and 1 as logcli has them, wherever a script would look; 2 for words that are wrong."""
    for status, words in [
            (0, ["query", '{job="lines"}']), (0, ["query", '{job="nobody"}']), (0, ["labels", "nobody"]),
            (1, ["query", '{job="lines"']), (1, ["query", '{job="lines"} | json | line_format "{{"']),
            (1, ["instant-query", '{job="lines"}']), (1, ["series", "{"]), (1, ["labels", "--addr", "http://127.0.0.1:1"]),
            (1, ["query", "--addr", url + "/nowhere", '{job="lines"}'])]:
        before = len(faults)
        sluice(*words, LOKI_ADDR=url, status=status)
        check(f"status {status}: {' '.join(words)}", len(faults), before)


def trace_lines(server):
    """A trace of 64 bits and its lines, by whatever form of its id they have; and what no trace answers."""
    address = f"http://127.0.0.1:{server.ports['jaeger_query']}"
    id, now = "00f067aa0ba902b7", time.time_ns()
    span = {"traceId": id, "id": "00000000000000a1", "name": "old", "timestamp": now // 1000, "duration": 5,
            "localEndpoint": {"serviceName": "old"}}
    status, answer = server.post("/api/v2/spans", json.dumps([span]).encode(), {"Content-Type": "application/json"}, "zipkin")
    if status != 202:
        faults.append(f"spans: {status} {answer}")
    # Of each: where the id stands, and whether it is the trace's.
    lines = [(f"short {id}", {}, True), (f"long {id.zfill(32)}", {}, True), (f"widened 463ac35c9f6413ad{id}", {}, True),
             ("named short", {"trace_id": id}, True), ("named long", {"traceID": id.zfill(32)}, True),
             ("named widened", {"trace_id": "463ac35c9f6413ad" + id}, False), (f"cut {id[:-1]}", {}, False), ("none", {}, False)]
    values = [[str(now + i), line, names] for i, (line, names, _) in enumerate(lines)]
    body = json.dumps({"streams": [{"stream": {"job": "traced"}, "values": values}]}).encode()
    status, answer = server.post("/loki/api/v1/push", body, {"Content-Type": "application/json"})
    if status != 204:
        faults.append(f"push: {status} {answer}")
    status, answer = server.ask(f"/api/traces/{id}/logs", {}, "jaeger_query")
    wanted = [line for line, _, is_of_trace in lines if is_of_trace]
    check("lines of a trace of 64 bits", [line["line"] for line in json.loads(answer)["data"]], wanted)
    shown = sluice("traces", "get", "--logs", "--addr", address, id)
    check("traces get --logs shows them", f"{len(wanted)} log lines of this trace\n" in shown, True)
    check("traces search with a match", sluice("traces", "search", "--addr", address, "--service", "old").count("\n"), 1)
    # What nothing meets is an answer; what is named and is not there is not.
    for words in [["search", "--service", "nobody"], ["operations", "--service", "nobody"], ["dependencies"],
                  ["export", "--service", "nobody", "--out", "-"]]:
        check(f"nothing, status 0: traces {' '.join(words)}", sluice("traces", *words, "--addr", address), "")
    for words in [["get", "a1"], ["export", "--id", "a1", "--out", "-"]]:
        check(f"not there, status 3: traces {' '.join(words)}", sluice("traces", *words, "--addr", address, status=3), "")


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
    statuses(url)
    trace_lines(server)
    encrypted(server, url, text)
    following(server, url)
    completion(url)
    server.stop()
    print(f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
