package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	mathrand "math/rand"
	"net/http"
	"strings"
	"time"
)

// Run sends the events of one external run, each exactly once. Its methods are for one goroutine at a time.
//
// A batch that is not answered is repeated under its number, so that it takes effect once, whatever happened to
// the first request. A program that starts again on the same run takes a higher Epoch: the older one is then refused.
type Run struct {
	ID       string
	Producer string
	Epoch    int

	url, token string
	seq        int
	client     http.Client
}

// Event is one entry of the run's log. Data may be anything that becomes JSON.
type Event struct {
	Type string `json:"type"`
	Data any    `json:"data"`
}

// Refused says that the server understood the request and will not do it.
type Refused struct {
	Status int
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (refused *Refused) Error() string {
	return fmt.Sprintf("%d %s: %s", refused.Status, refused.Code, refused.Detail)
}

// Start begins a new run. A repeated request is answered with the run of the first one.
func Start(ctx context.Context, url, token, title string) (*Run, error) {
	run := &Run{Producer: "main", url: strings.TrimRight(url, "/"), token: token}
	run.client.Timeout = 30 * time.Second
	var started struct{ Run struct{ ID string } }
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	body := map[string]any{"kind": "external", "title": title}
	header := http.Header{"Idempotency-Key": {hex.EncodeToString(key)}}
	if err := run.call(ctx, "/api/runs", body, header, &started); err != nil {
		return nil, err
	}
	run.ID = started.Run.ID
	return run, nil
}

// Send appends a batch of at most 1,000 events. Without events it is a sign of life.
func (run *Run) Send(ctx context.Context, events ...Event) error {
	if events == nil {
		events = []Event{}
	}
	body := map[string]any{"events": events, "producer": run.Producer, "epoch": run.Epoch, "seq": run.seq}
	if err := run.call(ctx, "/api/runs/"+run.ID+"/events", body, nil, nil); err != nil {
		return err
	}
	run.seq++
	return nil
}

// Complete ends the run with its result.
func (run *Run) Complete(ctx context.Context, result any) error {
	return run.call(ctx, "/api/runs/"+run.ID+"/finish", map[string]any{"state": "completed", "result": result}, nil, nil)
}

// Fail ends the run with what went wrong.
func (run *Run) Fail(ctx context.Context, message, code string) error {
	failure := map[string]string{"message": message, "code": code}
	return run.call(ctx, "/api/runs/"+run.ID+"/finish", map[string]any{"state": "errored", "error": failure}, nil, nil)
}

const attempts = 60

// call repeats a request until it is answered. Every request here may be repeated.
func (run *Run) call(ctx context.Context, path string, body any, header http.Header, answer any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	var failure error
	for attempt := 0; attempt < attempts; attempt++ {
		var refused *Refused
		failure = run.once(ctx, path, content, header, answer)
		if failure == nil {
			return nil
		}
		// A request that was not answered may have taken effect or not: repeated, it takes effect once.
		if errors.As(failure, &refused) && refused.Status < 500 && refused.Status != 408 && refused.Status != 429 {
			return failure
		}
		wait := math.Min(5, 0.1*math.Pow(2, float64(attempt))) * (0.5 + mathrand.Float64()/2)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(wait * float64(time.Second))):
		}
	}
	return fmt.Errorf("%s did not answer: %w", run.url, failure)
}

func (run *Run) once(ctx context.Context, path string, content []byte, header http.Header, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, run.url+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("Authorization", "Bearer "+run.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := run.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		refused := &Refused{Status: response.StatusCode}
		// A proxy in between may answer with a page: its status alone counts then.
		_ = json.Unmarshal(text, refused)
		return refused
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
