"""A made-up agent that reports a plan, its phases and its tool calls while it works."""

import os
import sys
import time

from millrace import Run

steps = int(os.environ.get("STEPS", "3"))
pause = float(os.environ.get("STEP_SECONDS", "0.5"))
run = Run.start(os.environ.get("MILLRACE_URL", "http://127.0.0.1:4000"), os.environ["MILLRACE_TOKEN"], "Count words")
print(run.id, flush=True)

phase = {"id": "p1", "name": "Count", "status": "pending"}
run.send(
    ("execution:started", {"task": "Count words", "startedAt": int(time.time() * 1000)}),
    ("plan:created", {"plan": {"goal": "Know how many words there are", "phases": [phase]}}),
    ("phase:start", {"phaseId": "p1", "phaseName": "Count", "phaseIndex": 0}),
)
for step in range(steps):
    call = {"toolName": "count", "toolCallId": f"c{step}", "phaseId": "p1"}
    run.send("tool:start", {**call, "params": {"file": f"part-{step}.txt"}})
    time.sleep(pause)
    run.send("tool:complete", {**call, "result": step * 100, "duration": int(pause * 1000), "status": "ok"})
run.send("phase:complete", {"phaseId": "p1", "phaseName": "Count"})
run.complete({"words": sum(step * 100 for step in range(steps))})
print("done", file=sys.stderr)
