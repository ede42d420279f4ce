#!/usr/bin/env python3
"""Asks fresh servers what was recorded from a real Loki: push, OTLP, default discovery, patterns, deletes, tail.

Each of Loki's configurations is said in Sluice's words below. The server's clock runs from shortly after the
recording's base time (`faketime`). Fails when a status or anything stored or answered differs that is not in
KNOWN, or when more than one error text in ten does. Ends with 77 (skipped) where the recordings are absent.

    loki_recordings.py [-v] [CONFIGURATION...]
"""
import os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import HERE, PLAIN, FakeTimeServer
from tail_recordings import replay_tail

SHARED = os.environ.get("SHARED", os.path.join(HERE, "../../../shared"))
LOKI = f"{SHARED}/conformance/loki"
CONFIGURATIONS = {
    # name: (file of recordings, YAML below `server:`)
    "push-plain": ("push", PLAIN),
    "push-small": ("push", PLAIN + "  http:\n    max_body_size: 2000\n    max_inflated_size: 10000\n"),
    "push-tenants": ("push", "  auth_enabled: true\n  runtime_config:\n    file: {overrides}\n"
                     "  limits:\n    discover_service_name: []\n    discover_log_levels: false\n"),
    "defaults": ("defaults", ""),
    "patterns": ("defaults", "  pattern_ingester:\n    enabled: true\n"),
    "otlp-default": ("otlp", ""),
    "otlp-plain": ("otlp", PLAIN),
    "delete-on": ("delete", PLAIN),
    "delete-quick": ("delete", PLAIN + "  deletes:\n    cancel_period: 1s\n"),
    "delete-off": ("delete", PLAIN + "  deletes:\n    enabled: false\n"),
    "delete-disabled": ("delete", PLAIN.replace("  limits:", "  limits:\n    deletion_mode: disabled")),
    "tail": ("tail", PLAIN),
}
# Cases that are answered otherwise on purpose: docs/differences-from-loki.md says why.
KNOWN = {
    **dict.fromkeys("b6bc9eaa37c9 822541cddad1 b88b0e8d41ec 7455a76a5b49 8339d2b86460".split(),
                    "a name of structured metadata without a letter is 400, not 500"),
    **dict.fromkeys("e8904e44cbbb d79bc16d5e72 9c2687264467 bc0469d48fe8 c57180d2ea2e".split(),
                    "late lines are taken"),
    "b11a44982b2f": "an entry without a line is kept as an empty line",
    "fcaee6aa61b4": "a label name with a dot can be asked for",
    "14dec89214d1": "names of labels that other cases have pushed",
    "b0b7f2ab4d98": "tenant '|' is refused",
    "68ec2c93cd33": "several tenants can be asked at once",
    **dict.fromkeys("9e681cf1d28a 20d637814aa8".split(), "flushed bytes are not rounded to KiB"),
    "delete-quick 5abbc4ca0bfa": "deletes are processed within seconds",
    "4f1115fea664": "a stream above its rate is told, not dropped",
}


def main():
    if not os.path.exists(LOKI):
        print("skipped: no recorded answers at", LOKI)
        sys.exit(77)
    verbose = "-v" in sys.argv
    chosen = [a for a in sys.argv[1:] if a != "-v"] or list(CONFIGURATIONS)
    passed, wrong, known, wordings = 0, [], 0, 0
    for name in chosen:
        file, extra = CONFIGURATIONS[name]
        extra = extra.replace("{overrides}", f"{LOKI}/configs/push-tenants.overrides.yaml")
        server = FakeTimeServer(f"replay-{name}", extra)
        url = f"http://127.0.0.1:{server.ports['loki']}"
        out = subprocess.run([sys.executable, f"{LOKI}/replay.py", f"{LOKI}/{file}.jsonl", name, url, "-v"],
                             capture_output=True, text=True)
        if out.returncode not in (0, 1) or not re.search(r"^\d+ passed", out.stdout, re.M):
            wrong.append(f"{name}: the replay broke: {out.stderr[-500:]}")
        lines = out.stdout.splitlines()
        if file == "tail":
            lines += replay_tail(f"{LOKI}/tail.jsonl", url)
        server.stop()
        worded = [line for line in lines if "| status message " in line]
        failures = [line for line in lines if line.startswith("FAIL ") and line not in worded]
        differing = [line for line in lines if line.startswith("WORDING ")] + worded
        ok = sum(int(m[1]) for m in re.finditer(r"^(\d+) passed", "\n".join(lines), re.M))
        fresh = [line for line in failures if not {line.split()[1], f"{name} {line.split()[1]}"} & KNOWN.keys()]
        print(f"{name}: {ok} passed, {len(fresh)} failed, {len(failures) - len(fresh)} differ on purpose, "
              f"{len(differing)} in wording")
        if verbose:
            print("\n".join(fresh + differing))
        passed, known, wordings = passed + ok, known + len(failures) - len(fresh), wordings + len(differing)
        wrong += [f"{name}: {line[:400]}" for line in fresh]
    print(f"{passed} passed, {len(wrong)} failed, {known} differ on purpose, {wordings} in wording")
    errors = sum(errors_of(CONFIGURATIONS[name][0], name) for name in chosen)
    if wordings * 10 > errors:
        wrong.append(f"{wordings} of {errors} error texts differ; one in ten may")
    for fault in wrong:
        print("WRONG", fault)
    sys.exit(1 if wrong else 0)


def errors_of(file, name):
    """How many recorded answers of a configuration are errors."""
    import json
    count = 0
    for line in open(f"{LOKI}/{file}.jsonl"):
        case = json.loads(line)
        if case["config"] == name:
            for step in [case] + case.get("then", []):
                expected = step["expect"]
                count += expected.get("status", expected.get("handshake_status", 0)) >= 400
    return count


main()
