#!/usr/bin/env python3
"""JMESPath of the json stage against PyPI's jmespath: expressions of each kind and random ones,
over documents of our own. Prints what differs; the last line is 'N agree, M differ'."""
import json, os, random, subprocess, sys
import jmespath

DOCUMENTS = [
    {"a": {"b": {"c": 1, "d": "x"}, "e": [1, 2, 3]}, "people": [
        {"name": "ann", "age": 30, "tags": ["x", "y"]}, {"name": "bo", "age": 5, "tags": []},
        {"name": "cy", "age": 71}], "s": "text", "n": -1.5, "t": True, "z": None, "w s": {"k-1": "q"}},
    {"a": [{"b": [{"c": 1}, {"c": 2}]}, {"b": [{"c": 3}]}], "people": [], "s": "", "e": [], "o": {}},
    {"a": None, "people": "no list", "s": "buch", "n": 0, "list": [[0, 1], [2], 3, "4", None]},
]
# Go writes an object's members in order, Python as they came.
DOCUMENTS = [json.loads(json.dumps(d, sort_keys=True)) for d in DOCUMENTS]
WRITTEN = """a|a.b|a.b.c|"a"."b"|"w s"."k-1"|a.e[0]|a.e[-1]|a.e[9]|a.e[1:]|a.e[::-1]|a.e[::2]|a.e[-2:]
people[*].name|people[].tags[]|people[].tags|people[?age > `20`].name|people[?name == 'bo']
people[?tags]|people[?!tags].name|people[?age >= `5` && age < `50`].name|people[?age < `6` || name == 'cy']
people[0].{n: name, a: age}|people[].[name, age]|a.*|a.*.c|*|a[*].b[*].c|a[].b[].c|a[].b[]|list[]|list[][]
length(people)|length(s)|keys(a)|values(a.b)|sort(a.e)|reverse(a.e)|sum(a.e)|avg(a.e)|max(a.e)|min(a.e)
sort_by(people, &age)[].name|max_by(people, &age).name|min_by(people, &age).name|map(&name, people)
join(', ', people[].name)|contains(s, 'e')|contains(a.e, `2`)|starts_with(s, 't')|ends_with(s, 't')
to_string(a.e)|to_string(n)|to_number('12.5')|to_number(s)|to_array(n)|to_array(a.e)|type(a)|type(z)|type(n)
not_null(z, s)|merge(a.b, `{"q": 1}`)|abs(n)|ceil(n)|floor(n)|@|@.s|`null`|`{"a": [1, 2]}`|'raw'|`"x"`
a || s|z || s|t && s|!t|!z|a.b.c == `1`|a.b != `{}`|s == 'text'|n < `0`|people | [0]|people[*].tags | [0]
people[:2] | length(@)|(a || b).b|[s, n]|{x: s, y: n, z: a.b.d}|a.{b: b, e: e[0]}|people[?contains(tags || `[]`, 'x')]""".replace("\n", "|")
MALFORMED = ["a.", ".a", "a[", "a]", "a[?", "a[1:2:3:4]", "a..b", "f(", "unknown(a)", 
             "'x", "\"x", "a b", "&", "length()", "{a}", "[a,]", "a.[", "a ==", "length(a, b)"]


def split(text):
    out, depth, quote, cur = [], 0, "", ""
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'`\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        single = c == "|" and text[i - 1:i] not in ("|", " ") and text[i + 1:i + 2] not in ("|", " ")
        if single and not quote and depth == 0:
            out.append(cur)
            cur = ""
        else:
            cur += c
    return [e for e in out + [cur] if e]


def made(rng, depth=0):
    """A random expression."""
    name = lambda: rng.choice(["a", "b", "c", "s", "n", "z", "people", "name", "age", "tags", "list", "\"w s\""])
    if depth > 3:
        return name()
    again = lambda: made(rng, depth + 1)
    return rng.choice([
        name, name, lambda: f"{name()}.{name()}", lambda: f"{again()}.{name()}", lambda: f"{again()}[{rng.randint(-2, 2)}]",
        lambda: f"{name()}[*].{name()}", lambda: f"{name()}[].{name()}", lambda: f"{name()}.*",
        lambda: f"{again()} || {again()}", lambda: f"{again()} && {again()}", lambda: f"!{name()}",
        lambda: f"{again()} | {again()}", lambda: f"{name()}[?{again()} {rng.choice(['==', '!=', '<', '>='])} {again()}]",
        lambda: f"[{again()}, {again()}]", lambda: "{x: %s, y: %s}" % (again(), again()),
        lambda: f"type({again()})", lambda: f"to_array({again()})", lambda: f"not_null({again()}, {again()})",
        lambda: f"{name()}[{rng.choice(['1:', ':2', '::-1', '-1:', '::2'])}]", lambda: f"`{rng.choice(['1', '[]', 'true', '{}'])}`",
        lambda: f"to_string({again()})", lambda: f"length({name()})", lambda: f"sort(keys({name()}))",
    ])()


def main():
    rng = random.Random(int(os.environ.get("SEED", "6")))
    expressions = split(WRITTEN) + MALFORMED + [made(rng) for _ in range(4000)]
    cases, asked = [], ""
    for number, expression in enumerate(expressions):
        for index, document in enumerate(DOCUMENTS):
            # In an object null, texts and numbers are told apart.
            stages = json.dumps([{"json": {"expressions": {"v": "d | {r: %s}" % expression}}}, {"output": {"source": "v"}}], ensure_ascii=False)
            line = json.dumps({"d": document}, ensure_ascii=False)
            cases.append((f"{number}.{index}", expression, document, line))
            asked += json.dumps({"id": f"{number}.{index}", "stages": stages, "now": "2026-11-21T06:00:00Z",
                                 "entries": [{"labels": {"j": "t"}, "timestamp": "2026-11-21T06:00:00Z", "line": line}]}) + "\n"
    done = subprocess.run([os.environ["SLUICE"], "agent", "stages"], input=asked.encode(), capture_output=True, check=True)
    answers = {a["id"]: a for a in map(json.loads, done.stdout.splitlines())}
    agree = differ = 0
    for id, expression, document, line in cases:
        try:
            wanted = ("value", jmespath.search("{r: %s}" % expression, document))
        except jmespath.exceptions.ParseError:
            wanted = ("refused", None)
        except jmespath.exceptions.JMESPathError:
            wanted = ("failed", None)
        except ValueError:  # a slice's step of 0
            wanted = ("refused", None)
        got = answers[id]
        if got.get("error"):
            found = ("refused", None)
        else:
            text = got["entries"][0]["line"]
            found = ("failed", None) if text == line else ("value", json.loads(text))
        # Wrong numbers of arguments are found by one before and by the other while it runs.
        faults = ("refused", "failed")
        same = found == wanted or (wanted[0] in faults and found[0] in faults)
        agree += same
        differ += not same
        if not same and differ <= 20:
            print(f"{expression}\n    over {json.dumps(document)[:80]}\n    got {found}, want {wanted}")
    print(f"{agree} agree, {differ} differ")
    sys.exit(differ != 0)


main()
