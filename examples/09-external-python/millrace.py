"""Sends the events of a run to a Millrace server, each exactly once. Standard library only.

    run = Run.start("http://127.0.0.1:4000", token, "Nightly import")
    run.send("tool:start", {"toolName": "fetch", "params": {}, "toolCallId": "1"})
    run.complete({"rows": 12})

A batch without an answer is sent again with the same number, so it takes effect exactly once, whatever happened to the
first request. If a program restarts on the same run, give it a higher `epoch`: the server then refuses the older one.
"""

import http.client
import json
import random
import time
import urllib.error
import urllib.request


class Refused(Exception):
    """The server refused the request. `status` and `problem` say why."""

    def __init__(self, status, problem):
        super().__init__(problem.get("detail", f"the server answered {status}"))
        self.status = status
        self.problem = problem


class Run:
    def __init__(self, url, token, run_id, producer="main", epoch=0):
        self.url, self.token, self.id = url.rstrip("/"), token, run_id
        self.producer, self.epoch, self.seq = producer, epoch, 0

    @classmethod
    def start(cls, url, token, title, **options):
        body = {"kind": "external", "title": title, **options}
        # A repeated start with the same key returns the run of the first one.
        key = {"Idempotency-Key": f"{title}-{random.getrandbits(64):x}"}
        run = cls(url, token, None)
        run.id = run._call("/api/runs", body, key)["run"]["id"]
        return run

    def send(self, *events):
        """`send("type", data)`, or `send(("type", data), …)` for several in one batch."""
        if events and isinstance(events[0], str):
            events = [events]
        batch = [{"type": kind, "data": data} for kind, data in events]
        body = {"events": batch, "producer": self.producer, "epoch": self.epoch, "seq": self.seq}
        answer = self._call(f"/api/runs/{self.id}/events", body)
        self.seq += 1
        return answer

    def alive(self):
        """Renews the lease, for work that sends no events for a long time."""
        return self.send(*[])

    def complete(self, result=None):
        return self._call(f"/api/runs/{self.id}/finish", {"state": "completed", "result": result})

    def fail(self, message, code="failed"):
        error = {"message": message, "code": code}
        return self._call(f"/api/runs/{self.id}/finish", {"state": "errored", "error": error})

    def _call(self, path, body, headers={}):
        data = json.dumps(body).encode()
        for attempt in range(60):
            request = urllib.request.Request(self.url + path, data, method="POST", headers={
                "Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers})
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code not in (408, 429):
                    raise Refused(error.code, _problem(error)) from None
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                pass  # No answer: the request may or may not have taken effect. Sending it again is safe.
            time.sleep(min(5, 0.1 * 2**attempt) * (0.5 + random.random() / 2))
        raise ConnectionError(f"{self.url} did not answer")


def _problem(error):
    """The server's own words. A proxy in between may answer with a page: its status alone counts then."""
    try:
        problem = json.load(error)
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    return problem if isinstance(problem, dict) else {}
