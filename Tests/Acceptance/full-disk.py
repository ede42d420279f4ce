#!/usr/bin/env python3
"""Fills and frees a file system of 200 MB under the server: reads go on, writes are refused and resume.

    full-disk.py [ROUNDS]

The file system is ext4 in a file, mounted as a loop device, or one in memory where that cannot be had.
Needs root; ends with status 77 (skipped) without.
"""
import json, os, subprocess, sys, time
import servers
from servers import Server, push_body, snappy

SETTINGS = """\
  storage:
    head_max_size: 4MB
    head_max_age: 1s
    wal_file_size: 4MB
    min_free_disk: 20MB
  limits: {ingestion_rate_mb: 1000, ingestion_burst_size_mb: 1000, per_stream_rate_limit: 1GB, per_stream_rate_limit_burst: 1GB}
"""


def push(server, number, count=50):
    """Status of a push of numbered lines."""
    now = time.time_ns()
    entries = [(now + at, f"push={number} line={at} {os.urandom(500).hex()}".encode()) for at in range(count)]
    request = servers.urllib.request.Request(
        f"http://127.0.0.1:{server.ports['loki']}/loki/api/v1/push", snappy(push_body([('{job="full"}', entries)])),
        {"Content-Type": "application/x-protobuf"})
    try:
        with servers.urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except servers.urllib.error.HTTPError as error:
        return error.code


def count(server):
    status, body = server.ask("/loki/api/v1/query", {"query": 'sum(count_over_time({job="full"}[1h]))'})
    if status != 200:
        sys.exit(f"a question was answered {status} on a full disk: {body[:300]}")
    result = json.loads(body)["data"]["result"]
    return int(result[0]["value"][1]) if result else 0


def mount(folder):
    """Mounts 200 MB on the folder; says what, or nothing when it cannot be done."""
    image = folder + ".image"
    with open(image, "wb") as file:
        file.truncate(200 << 20)
    ways = [
        ("ext4 on a loop device", [["mkfs.ext4", "-q", "-F", "-m", "0", image], ["mount", "-o", "loop", image, folder]]),
        ("tmpfs", [["mount", "-t", "tmpfs", "-o", "size=200m", "sluice-full", folder]]),
    ]
    for kind, commands in ways:
        try:
            if all(subprocess.run(command, capture_output=True).returncode == 0 for command in commands):
                return kind
        except OSError:
            pass
    return None


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    folder = f"{servers.WORK}/full-disk"
    os.makedirs(folder, exist_ok=True)
    kind = mount(folder)
    if not kind:
        print("skipped: no file system can be mounted here")
        sys.exit(77)
    try:
        server = Server("full", SETTINGS, data=f"{folder}/data")
        slowest, number, acknowledged, refused = 0, 0, 0, 0
        for turn in range(rounds):
            # In every other round the reserve is jumped over at once: writes run into the disk's end.
            room = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            left = 0 if turn % 2 else 21 << 20
            with open(f"{folder}/ballast", "wb") as ballast:
                try:
                    for _ in range(max(0, room - left) >> 16):
                        ballast.write(bytes(65536))
                    ballast.flush()
                except OSError:
                    pass
            answers = []
            for _ in range(400):
                number += 1
                answers.append(push(server, number))
                acknowledged += 50 * (answers[-1] == 204)
                if answers[-1] == 503 and len(answers) > 5:
                    break
            if set(answers) - {204, 503}:
                sys.exit(f"round {turn}: pushes were answered {sorted(set(answers))}")
            if answers[-1] != 503:
                sys.exit(f"round {turn}: no push was refused")
            refused += answers.count(503)
            there = count(server)
            if not acknowledged <= there <= number * 50:
                sys.exit(f"round {turn}, full: {there} lines are there, {acknowledged} were acknowledged")
            os.remove(f"{folder}/ballast")
            freed = time.time()
            while (status := push(server, (number := number + 1))) != 204:
                if time.time() - freed > 10 or status != 503:
                    sys.exit(f"round {turn}: writes do not resume: {status}")
                time.sleep(0.1)
            slowest = max(slowest, time.time() - freed)
            acknowledged += 50
            if turn % 5 == 4:
                server.kill()
                server.start()
                there = count(server)
                if not acknowledged <= there <= number * 50:
                    sys.exit(f"round {turn}, after a kill: {there} lines, {acknowledged} acknowledged")
        server.stop()
        print(f"{rounds} rounds on {kind}: {acknowledged} lines acknowledged and there, {refused} pushes refused with 503, "
              f"writes resumed within {slowest:.1f} s")
    finally:
        subprocess.run(["umount", "-l", folder])
        os.remove(folder + ".image")


if __name__ == "__main__":
    main()
