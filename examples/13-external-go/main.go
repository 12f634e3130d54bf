// A made-up agent that reports a plan, its phase and its tool calls while it works.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"time"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := work(ctx); err != nil {
		log.Fatal(err)
	}
}

func work(ctx context.Context) error {
	steps, err := strconv.Atoi(setting("STEPS", "3"))
	if err != nil {
		return err
	}
	pause, err := time.ParseDuration(setting("STEP", "500ms"))
	if err != nil {
		return err
	}
	run, err := Start(ctx, setting("MILLRACE_URL", "http://127.0.0.1:4000"), os.Getenv("MILLRACE_TOKEN"), "Count words")
	if err != nil {
		return err
	}
	fmt.Println(run.ID)

	phase := map[string]string{"id": "p1", "name": "Count", "status": "pending"}
	plan := map[string]any{"goal": "Know how many words there are", "phases": []any{phase}}
	err = run.Send(ctx,
		Event{"execution:started", map[string]any{"task": "Count words", "startedAt": time.Now().UnixMilli()}},
		Event{"plan:created", map[string]any{"plan": plan}},
		Event{"phase:start", map[string]any{"phaseId": "p1", "phaseName": "Count", "phaseIndex": 0}},
	)
	words := 0
	for step := 0; step < steps && err == nil; step++ {
		words += step * 100
		err = count(ctx, run, step, pause)
	}
	if err != nil {
		return err
	}
	if err := run.Send(ctx, Event{"phase:complete", map[string]any{"phaseId": "p1", "phaseName": "Count"}}); err != nil {
		return err
	}
	return run.Complete(ctx, map[string]int{"words": words})
}

// count is one call of a tool, between its two events.
func count(ctx context.Context, run *Run, step int, pause time.Duration) error {
	id := fmt.Sprintf("c%d", step)
	params := map[string]string{"file": fmt.Sprintf("part-%d.txt", step)}
	start := map[string]any{"toolName": "count", "params": params, "toolCallId": id, "phaseId": "p1"}
	if err := run.Send(ctx, Event{"tool:start", start}); err != nil {
		return err
	}
	time.Sleep(pause)
	return run.Send(ctx, Event{"tool:complete", map[string]any{
		"toolName": "count", "toolCallId": id, "result": step * 100,
		"duration": pause.Milliseconds(), "status": "ok", "phaseId": "p1",
	}})
}

func setting(name, usual string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return usual
}
