package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// Report is what a run found, printed as one line of JSON.
type Report struct {
	N          int     `json:"n"`
	Conc       int     `json:"conc"`
	Failed     int     `json:"failed"`
	OrdersPerS float64 `json:"orders_per_s"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	History    *Counts `json:"history"`
}

// Counts are averages an order, from the histories of a sample.
type Counts struct {
	Orders        int     `json:"orders"`
	Events        float64 `json:"events"`
	WorkflowTasks float64 `json:"workflow_tasks"`
	ActivityTasks float64 `json:"activity_tasks"`
}

func start(ctx context.Context, c client.Client, id string, amount int, items ...string) (client.WorkflowRun, error) {
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "WORKFLOW_" + id, TaskQueue: queue}, wfType,
		Order{OrderID: id, Amount: amount, Items: items})
}

// drive starts orders, pays them at once and awaits their results, conc of them at a time.
func drive(ctx context.Context, c client.Client, n, conc, warmup, sample int) error {
	stamp := time.Now().UnixMilli()
	if warmup > 0 {
		run(ctx, c, fmt.Sprintf("ORD-W%d-", stamp), warmup, conc)
	}
	prefix := fmt.Sprintf("ORD-D%d-", stamp)
	begin := time.Now()
	lat, failed := run(ctx, c, prefix, n, conc)
	el := time.Since(begin).Seconds()
	sort.Float64s(lat)
	report := Report{N: n, Conc: conc, Failed: failed, OrdersPerS: float64(n) / el, P50: lat[n/2], P99: lat[n*99/100]}
	if sample > 0 {
		counts, err := count(ctx, c, prefix, min(sample, n))
		if err != nil {
			return err
		}
		report.History = counts
	}
	out, err := json.Marshal(report)
	if err != nil {
		return err
	}
	fmt.Println(string(out))
	return nil
}

// run answers how long each order took, in milliseconds, and how many did not complete.
func run(ctx context.Context, c client.Client, prefix string, n, conc int) ([]float64, int) {
	lat := make([]float64, 0, n)
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed int
	jobs := make(chan int)
	for w := 0; w < conc; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range jobs {
				t := time.Now()
				id := fmt.Sprintf("%s%d", prefix, i)
				run, err := start(ctx, c, id, 500, "iPhone 15")
				if err == nil {
					err = c.SignalWorkflow(ctx, "WORKFLOW_"+id, "", paid, "PAID")
				}
				var r Result
				if err == nil {
					err = run.Get(ctx, &r)
				}
				mu.Lock()
				if err != nil || r.Status != "COMPLETED" {
					failed++
					if failed < 4 {
						fmt.Fprintln(os.Stderr, id, r, err)
					}
				}
				lat = append(lat, float64(time.Since(t).Microseconds())/1e3)
				mu.Unlock()
			}
		}()
	}
	for i := 0; i < n; i++ {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	return lat, failed
}

// count reads the histories of the first orders that were measured.
func count(ctx context.Context, c client.Client, prefix string, sample int) (*Counts, error) {
	var events, workflowTasks, activityTasks int
	for i := 0; i < sample; i++ {
		history := c.GetWorkflowHistory(ctx, fmt.Sprintf("WORKFLOW_%s%d", prefix, i), "", false,
			enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				return nil, err
			}
			events++
			switch event.GetEventType() {
			case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
				workflowTasks++
			case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
				activityTasks++
			}
		}
	}
	each := func(of int) float64 { return float64(of) / float64(sample) }
	return &Counts{Orders: sample, Events: each(events), WorkflowTasks: each(workflowTasks),
		ActivityTasks: each(activityTasks)}, nil
}
