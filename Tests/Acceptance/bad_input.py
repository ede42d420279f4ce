#!/usr/bin/env python3
"""Gives a running server what no server should have to take, and asks whether it goes on.

Each case has the answer that it must get; after each the server must still be ready, and at the end
its memory must be bounded and what was stored before must still be there. Needs python3 alone.
Ends with 77 where the machine lacks something, after running the rest.
"""
import gzip, json, os, random, re, shutil, signal, socket, struct, subprocess, sys, time, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import Server, varint, field, snappy, push_body, WORK

failures, count = [], 0


def check(name, got, wanted):
    global count
    count += 1
    good = got in wanted if isinstance(wanted, (set, tuple, list)) else got == wanted
    if not good:
        failures.append(f"{name}: {got!r}, should be {wanted!r}")
        print("WRONG", failures[-1])


def raw(server, data, port="loki", wait=5.0, pause=0.0):
    """Sends bytes as they are and returns the first status line's code, 0 when it only closed."""
    with socket.create_connection(("127.0.0.1", server.ports[port]), 5) as s:
        s.settimeout(wait)
        try:
            for piece in data if isinstance(data, list) else [data]:
                s.sendall(piece)
                time.sleep(pause)
            got = s.recv(4096)
        except (TimeoutError, ConnectionError):
            return None
    found = re.match(rb"HTTP/1\.[01] (\d+)", got)
    return int(found[1]) if found else 0


PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
PUSH = "/loki/api/v1/push"


def bodies(server):
    good = push_body([("{job=\"bad\"}", [(time.time_ns(), b"line")])])
    check("a good push", server.post(PUSH, snappy(good), PROTOBUF)[0], 204)
    for cut in range(0, len(good), 3):
        check(f"protobuf cut at {cut}", server.post(PUSH, snappy(good[:cut]), PROTOBUF)[0], {204, 400, 422} if cut == 0 else 400)
    packed = snappy(good)
    for cut in range(1, len(packed), 7):
        check(f"snappy cut at {cut}", server.post(PUSH, packed[:cut], PROTOBUF)[0], 400)
    text = json.dumps({"streams": [{"stream": {"job": "bad"}, "values": [[str(time.time_ns()), "line"]]}]}).encode()
    for cut in range(1, len(text), 5):
        check(f"JSON cut at {cut}", server.post(PUSH, text[:cut], JSON)[0], 400)
    zipped = gzip.compress(text)
    for cut in range(1, len(zipped) - 8, 9):
        check(f"gzip cut at {cut}", server.post(PUSH, zipped[:cut], {**JSON, "Content-Encoding": "gzip"})[0], 400)
    check("an unknown encoding", server.post(PUSH, text, {**JSON, "Content-Encoding": "br"})[0], {400, 415})
    check("deep JSON", server.post(PUSH, b'{"streams":' + b"[" * 200_000, JSON)[0], 400)
    check("a number as time", server.post(PUSH, b'{"streams":[{"stream":{"a":"b"},"values":[[1,"x"]]}]}', JSON)[0], 400)
    for seed in range(60):
        noise = random.Random(seed).randbytes(seed * 17 + 1)
        check(f"noise {seed}", server.post(PUSH, noise, PROTOBUF)[0], 400)
    for path, port, kind in [("/v1/traces", "otlp_http", PROTOBUF), ("/v1/traces", "otlp_http", JSON), ("/api/v2/spans", "zipkin", JSON)]:
        for bad in [b"\xff\xff\xff", b"{", b"[{]", b'[{"traceId":"zz","id":"1"}]']:
            check(f"{path} {kind['Content-Type']} {bad!r}", server.post(path, bad, kind, port)[0], {400, 415})


def bombs(server):
    zeros = b"\0" * (1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush()
    check("a gzip bomb of 1 GiB", server.post(PUSH, bomb, {**JSON, "Content-Encoding": "gzip"})[0], {400, 413})
    check("a gzip bomb for OTLP", server.post("/v1/traces", bomb, {**PROTOBUF, "Content-Encoding": "gzip"}, "otlp_http")[0], {400, 413})
    check("a snappy header of 4 GiB", server.post(PUSH, varint(0xffffffff) + b"\0a", PROTOBUF)[0], {400, 413})
    check("a body that promises 10 GB", raw(server, b"POST /loki/api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 10000000000\r\n\r\n"), 413)


def limits(server):
    now = time.time_ns()
    check("a line above 256 KB", server.post(PUSH, snappy(push_body([("{job=\"bad\"}", [(now, b"x" * 300_000)])])), PROTOBUF)[0], 400)
    many = ",".join(f'l{n}="v"' for n in range(40))
    check("forty labels", server.post(PUSH, snappy(push_body([("{" + many + "}", [(now, b"x")])])), PROTOBUF)[0], 400)
    check("a long name", server.post(PUSH, snappy(push_body([("{" + "n" * 2000 + '="v"}', [(now, b"x")])])), PROTOBUF)[0], 400)
    check("a long value", server.post(PUSH, snappy(push_body([('{a="' + "v" * 5000 + '"}', [(now, b"x")])])), PROTOBUF)[0], 400)
    for labels in ["{", "{a}", '{a=b}', '{a="b"', '{1a="b"}', '{a-b="c"}', '{="b"}', '{a="\\q"}']:
        check(f"labels {labels!r}", server.post(PUSH, snappy(push_body([(labels, [(now, b"x")])])), PROTOBUF)[0], 400)
    check("too old", server.post(PUSH, snappy(push_body([("{job=\"bad\"}", [(now - 30 * 86400 * 10**9, b"x")])])), PROTOBUF)[0], 400)
    check("too new", server.post(PUSH, snappy(push_body([("{job=\"bad\"}", [(now + 86400 * 10**9, b"x")])])), PROTOBUF)[0], 400)


def http(server):
    line = b"POST /loki/api/v1/push HTTP/1.1\r\nHost: x\r\n"
    cases = [
        ("both lengths", line + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("two lengths", line + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        ("a length that is none", line + b"Content-Length: 3x\r\n\r\nabc", 400),
        ("a negative length", line + b"Content-Length: -3\r\n\r\nabc", 400),
        ("a blank before the colon", line + b"Content-Length : 3\r\n\r\nabc", 400),
        ("a folded header", line + b"X: a\r\n b\r\n\r\n", 400),
        ("no version", b"GET /ready\r\n\r\n", {400, 505, 0}),
        ("a bad chunk", line + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 400),
        ("a huge chunk", line + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc\r\n", {400, 413}),
        ("an unknown coding", line + b"Transfer-Encoding: br\r\n\r\n", {400, 501}),
        ("a long head", b"GET /ready HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", {431, 400, 0, None}),
        ("a long target", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414, 431, 400, 0, None}),
        ("a zero byte", b"GET /re\0ady HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("out of the root", b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", {400, 404}),
        ("out of the root, encoded", b"GET /loki/api/v1/label/%2e%2e%2f%2e%2e/values HTTP/1.1\r\nHost: x\r\n\r\n", {200, 400, 404}),
        ("noise", bytes(random.Random(5).randbytes(2000)), {400, 408, 0, None}),
    ]
    for name, data, wanted in cases:
        check(name, raw(server, data), wanted)
        check("ready after " + name, server.is_ready(), True)


def tenants(binary_config):
    server = Server("tenants", "  auth_enabled: true\n")
    try:
        body = snappy(push_body([("{job=\"bad\"}", [(time.time_ns(), b"line")])]))
        check("no tenant", server.post(PUSH, body, PROTOBUF)[0], 401)
        check("a tenant", server.post(PUSH, body, {**PROTOBUF, "X-Scope-OrgID": "team-a"})[0], 204)
        for name in ["../../x", "a/b", "a b", "..", "a\\b", "x" * 200, "a|b"]:
            check(f"tenant {name!r}", server.post(PUSH, body, {**PROTOBUF, "X-Scope-OrgID": name})[0], {400, 401})
    finally:
        server.stop()


def slow(server):
    """The server's limits are short here: header_timeout 2s, body_timeout 2s."""
    begun = time.monotonic()
    got = raw(server, [b"GET /ready HTTP/1.1\r\n"] + [b"X: a\r\n"] * 20, wait=15, pause=0.25)
    check("a slow head ends", got in (408, 0, None) and time.monotonic() - begun < 20, True)
    begun = time.monotonic()
    got = raw(server, [b"POST /loki/api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"] + [b"{"] * 20, wait=15, pause=0.25)
    check("a slow body ends", got in (408, 0, None) and time.monotonic() - begun < 20, True)


def many_idle(server):
    held = []
    try:
        for _ in range(2000):
            held.append(socket.create_connection(("127.0.0.1", server.ports["loki"]), 5))
        check("2,000 idle connections", server.is_ready(), True)
    except OSError as error:
        check("2,000 idle connections", str(error), "connected")
    finally:
        for s in held:
            s.close()


def rapid_reset(server):
    """HTTP/2 (RFC 9113): opens and resets streams as fast as it can (CVE-2023-44487)."""
    frame = lambda kind, flags, stream, payload: struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
    head = bytes([0x82, 0x86, 0x84])  # GET, http, /
    with socket.create_connection(("127.0.0.1", server.ports["otlp_grpc"]), 5) as s:
        s.settimeout(5)
        try:
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
            for n in range(20_000):
                s.sendall(frame(1, 5, 2 * n + 1, head) + frame(3, 0, 2 * n + 1, struct.pack(">I", 8)))
        except (ConnectionError, TimeoutError):
            pass
        ended = b""
        try:
            while piece := s.recv(65536):
                ended = (ended + piece)[-65536:]
        except (ConnectionError, TimeoutError):
            pass
    check("ready after rapid resets", server.is_ready(), True)


def folder_in_use(server):
    config = server.config_path
    second = subprocess.run([server.binary, "server", "--config", config], capture_output=True, text=True, timeout=30)
    check("a second server on the folder is refused", second.returncode != 0, True)
    check("the holder's pid is named", str(server.process.pid) in second.stderr, True)


def flipped_bytes():
    """Flips a byte in each kind of file of a stopped store: it must start and answer, or say why."""
    server = Server("flip", "")
    now = time.time_ns()
    lines = [(now - 10**9 * n, b"line %d of many that the store keeps" % n) for n in range(3000)]
    check("a push", server.post(PUSH, snappy(push_body([("{job=\"flip\"}", lines)])), PROTOBUF)[0], 204)
    check("a flush", server.post("/flush", b"", {})[0], 204)
    check("a second push", server.post(PUSH, snappy(push_body([("{job=\"flip2\"}", lines)])), PROTOBUF)[0], 204)
    server.kill()
    files = {}
    for folder, _, names in os.walk(server.data):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.getsize(path) > 64:
                files.setdefault(re.sub(r"[0-9a-f]{4,}|\d+", "#", os.path.relpath(path, server.data)), path)
    pick = random.Random(7)
    for kind, path in sorted(files.items()):
        whole = open(path, "rb").read()
        used = len(whole.rstrip(b"\0")) or 1
        for _ in range(4):
            at = pick.randrange(used)
            shutil.copytree(server.data, server.data + ".copy")
            with open(path, "r+b") as f:
                f.seek(at)
                f.write(bytes([whole[at] ^ 0x40]))
            try:
                server.start(fails_ok=True)
                if server.process.poll() is None:
                    status = server.ask("/loki/api/v1/query_range", {"query": '{job=~"flip.*"}', "limit": 5000, "start": now - 86400 * 10**9, "end": now + 10**9})[0]
                    check(f"an answer with {kind} flipped at {at}", status, {200, 500})
                    server.kill()
                else:
                    told = open(server.log_path).read()
                    check(f"a start with {kind} flipped at {at} says why", os.path.basename(path) in told or "catalog" in told, True)
                    check(f"no crash with {kind} flipped at {at}", server.process.returncode >= 0, True)
            finally:
                shutil.rmtree(server.data)
                os.rename(server.data + ".copy", server.data)
    print("kinds of files:", ", ".join(sorted(files)))


def full_disk():
    """A file system of 48 MB filled and freed; needs the right to mount."""
    place = f"{WORK}/small"
    os.makedirs(place, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", place], capture_output=True).returncode:
        print("full disk: skipped, mounting is not allowed here")
        return
    try:
        server = Server("full", "  storage: {min_free_disk: 8MB, wal_file_size: 4MB}\n", data=place + "/data")
        filler, kept, seen = place + "/filler", 0, set()
        for n in range(400):
            if n == 40:
                with open(filler, "wb") as f:
                    try:
                        while True:
                            f.write(b"x" * (1 << 20))
                    except OSError:
                        pass
                time.sleep(2.5)  # the server looks at its disk every second
            body = snappy(push_body([("{job=\"full\"}", [(time.time_ns(), random.randbytes(2000).hex().encode())])]))
            status = server.post(PUSH, body, PROTOBUF)[0]
            seen.add(status)
            kept += status == 204
            if n == 60:
                check("reads go on while the disk is full", server.ask("/loki/api/v1/labels", {})[0], 200)
            if n == 80:
                os.remove(filler)
                for _ in range(100):
                    body = snappy(push_body([("{job=\"full\"}", [(time.time_ns(), b"again")])]))
                    if server.post(PUSH, body, PROTOBUF)[0] == 204:
                        kept += 1
                        break
                    time.sleep(0.1)
                else:
                    check("writes resume within ten seconds", False, True)
        check("only 204 and 503", seen, ({204, 503}, {204, 503}))
        server.kill(); server.start()
        status, answer = server.ask("/loki/api/v1/query", {"query": 'sum(count_over_time({job="full"}[1h]))'})
        stored = int(json.loads(answer)["data"]["result"][0]["value"][1])
        check("acknowledged lines that are there", stored >= kept, True)
        server.stop()
    finally:
        subprocess.run(["umount", "-l", place])


def main():
    server = Server("bad", "  http: {header_timeout: 2s, body_timeout: 2s}\n")
    try:
        for part in [bodies, bombs, limits, http, slow, many_idle, rapid_reset, folder_in_use]:
            part(server)
            check(f"ready after {part.__name__}", server.is_ready(), True)
            check(f"alive after {part.__name__}", server.process.poll(), None)
        peak = server.peak_memory_mb()
        print(f"peak memory {peak} MB")
        check("peak memory below 600 MB", peak < 600, True)
    finally:
        server.stop()
    tenants(server)
    flipped_bytes()
    full_disk()
    print(f"{count - len(failures)} of {count} checks hold")
    sys.exit(1 if failures else 0)


main()
