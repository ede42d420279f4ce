"""Replays the recorded WebSocket sessions of Loki's tail against a server; only the standard library."""
import base64, http.client, json, os, socket, struct, time, urllib.parse


class WebSocket:
    """A client's side of RFC 6455: text frames of any length."""

    def __init__(self, url, path, headers):
        u = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((u.hostname, u.port), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {u.netloc}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{k}: {v}" for k, v in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                break
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        self.body = b""
        if self.status != 101:
            length = int(self.headers.get("content-length", "0"))
            while len(self.buffer) < length:
                data = self.socket.recv(65536)
                if not data:
                    break
                self.buffer += data
            self.body = self.buffer

    def need(self, count, deadline):
        while len(self.buffer) < count:
            left = deadline - time.time()
            if left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except (socket.timeout, ConnectionError):
                return False
            if not data:
                return False
            self.buffer += data
        return True

    def frame(self, deadline):
        """(opcode, payload), or None where none came in time."""
        if not self.need(2, deadline):
            return None
        code, length, at = self.buffer[0] & 15, self.buffer[1] & 127, 2
        if length == 126:
            if not self.need(4, deadline):
                return None
            length, at = struct.unpack(">H", self.buffer[2:4])[0], 4
        elif length == 127:
            if not self.need(10, deadline):
                return None
            length, at = struct.unpack(">Q", self.buffer[2:10])[0], 10
        if not self.need(at + length, deadline):
            return None
        payload = self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        return code, payload

    def close(self):
        self.socket.close()


def push(url, body):
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=20)
    c.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/json"})
    assert c.getresponse().status == 204, body
    c.close()


def entries_of(frame):
    for stream in frame.get("streams") or []:
        for value in stream.get("values", stream.get("entries", [])):
            yield {"stream": stream.get("stream", stream.get("labels")), "value": value}


def difference(case, url):
    for body in case["push_before"]:
        push(url, body)
    expected = case["expect"]
    ws = WebSocket(url, case["path"], case["headers"])
    try:
        if ws.status != expected["handshake_status"]:
            return f"handshake status {ws.status}, want {expected['handshake_status']}"
        if ws.status != 101:
            if ws.headers.get("content-type") != expected["content_type"]:
                return f"content type {ws.headers.get('content-type')}"
            text = ws.body.decode()
            return None if text == expected["body"] else f"body {text!r}, want {expected['body']!r}"
        time.sleep(0.6)
        for body in case["push_during"]:
            push(url, body)
            time.sleep(0.4)
        got, keys, close = [], [], None
        wanted = len(expected["entries"])
        deadline = time.time() + (6 if wanted else 1.5)
        while True:
            frame = ws.frame(deadline)
            if frame is None:
                break
            code, payload = frame
            if code == 8:
                close = {"code": struct.unpack(">H", payload[:2])[0], "reason": payload[2:].decode()}
                break
            if code != 1:
                continue
            frame = json.loads(payload)
            keys.append(sorted(frame))
            got += entries_of(frame)
            if len(got) == wanted:
                deadline = min(deadline, time.time() + 1)
        key = lambda e: json.dumps(e, sort_keys=True)
        if sorted(map(key, got)) != sorted(map(key, expected["entries"])):
            return f"entries {got}, want {expected['entries']}"
        if any(k not in expected["frame_keys"] for k in keys):
            return f"frames of {keys}, want {expected['frame_keys']}"
        if close != expected.get("close"):
            return f"close {close}, want {expected.get('close')}"
        return None
    finally:
        ws.close()


def replay_tail(path, url):
    """Lines as replay.py writes them."""
    out, passed = [], 0
    for line in open(path):
        case = json.loads(line)
        if case["method"] != "WEBSOCKET":
            continue
        fault = difference(case, url)
        if fault is None:
            passed += 1
        else:
            kind = "WORDING" if fault.startswith("body ") else "FAIL"
            out.append(f"{kind} {case['id']} {case['name']} | {fault}")
    return out + [f"{passed} passed"]
