"""Publish CloudEvents to a Centralita over HTTP, with Python's standard library and nothing else.

    python publish.py http://127.0.0.1:8422/v1 acme < events.jsonl

One event in JSON a line, all as one batch: either every one of them is stored, or none. Exit code 1 where one was
refused or rejected.
"""

import json
import sys
import time
import urllib.error
import urllib.request

BATCH = "application/cloudevents-batch+json"


def ask(url, body=None, kind=BATCH, tries=10):
    """The answer and its status; waits and asks again where the door says so: a repeat changes nothing."""
    while True:
        tries -= 1
        request = urllib.request.Request(url, body, {"content-type": kind} if body else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503) or not tries:
                return error.code, json.load(error)
            time.sleep(float(error.headers.get("retry-after", 1)))


def recorded(centre, after, until):
    """The events of the log between two positions, out of the stream of server-sent events."""
    if until > after:
        with urllib.request.urlopen(f"{centre}/log?after={after}&until={until}", timeout=30) as lines:
            for line in lines:
                if line.startswith(b"data: "):
                    yield json.loads(line[len("data: ") :])


def main(door, name):
    """Publish what comes in, and tell of each event what became of it."""
    centre = f"{door}/{name}"
    events = [json.loads(line) for line in sys.stdin if line.strip()]
    status, found = ask(centre)
    if status == 200:
        before = found["position"]
        status, found = ask(f"{centre}/events", json.dumps(events).encode())
    if status != 202:
        print(f"refused: {found['detail']} ({found.get('rule', found['title'])})")
        if "expected" in found:
            print(f"  {found['field']} should be: {found['expected']}")
        return 1
    stored = {fact["position"]: fact["id"] for fact in found["accepted"]}
    status, now = ask(f"{centre}/settled?timeout=5", tries=1)
    if status != 200:  # where much is going on all is never settled: what is there by now must do
        status, now = ask(centre)
    wrong = {
        event["data"]["position"]: event["data"]
        for event in recorded(centre, before, now["position"])
        if event["type"] == "fact.rejected" and event["data"]["position"] in stored
    }
    for position, id in stored.items():
        said = wrong.get(position)
        print(
            f"{id}: stored at {position}" + (f", rejected: {said['reason']} ({said['rule']})" if said else "")
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
