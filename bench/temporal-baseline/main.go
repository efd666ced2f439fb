// A plain Go worker of OmniFlow's lifecycle on Temporal, and a driver that knows only the names by which any
// Temporal client drives an order (docs/api.md, "From any Temporal client"). It is the baseline that our Temporal engine is measured against.
//
//	go run . worker                          two activities, a signal, a timer
//	go run . drive -n 2000 -conc 100         start, pay, await the result: orders/s and latency
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const (
	queue    = "OMNIFLOW_TASK_QUEUE"
	wfType   = "OrderFulfillmentWorkflow"
	paid     = "SIGNAL_PAYMENT_PAID"
	decision = "SIGNAL_ADMIN_ACTION"
	status   = "get_order_status"
)

type Order struct {
	OrderID    string
	Amount     int
	Items      []string
	CustomerID string
}

type Result struct{ OrderID, Status, Message string }

type quiet struct{}

func (quiet) Debug(string, ...interface{}) {}
func (quiet) Info(string, ...interface{})  {}
func (quiet) Warn(string, ...interface{})  {}
func (quiet) Error(m string, kv ...interface{}) {
	fmt.Fprintln(os.Stderr, append([]interface{}{m}, kv...)...)
}

var _ log.Logger = quiet{}

func main() {
	fs := flag.NewFlagSet("goclient", flag.ExitOnError)
	addr := fs.String("address", "127.0.0.1:7233", "Temporal address")
	namespace := fs.String("namespace", "default", "Temporal namespace")
	n := fs.Int("n", 1000, "drive: orders")
	conc := fs.Int("conc", 100, "drive: orders in flight")
	warmup := fs.Int("warmup", 0, "drive: orders before those that are measured")
	sample := fs.Int("sample", 0, "drive: read the histories of so many orders afterwards, and count what is in them")
	limit := fs.Duration("limit", 10*time.Minute, "drive: give up after so long")
	sleep := fs.Bool("sleep", false, "worker: 1 s to reserve, 2 s to ship")
	if len(os.Args) < 2 {
		fs.Usage()
		os.Exit(2)
	}
	_ = fs.Parse(os.Args[2:])
	c, err := client.Dial(client.Options{HostPort: *addr, Namespace: *namespace, Logger: quiet{}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	defer c.Close()
	switch os.Args[1] {
	case "drive":
		ctx, cancel := context.WithTimeout(context.Background(), *limit)
		defer cancel()
		if *n < 1 || *conc < 1 {
			fmt.Fprintln(os.Stderr, "-n and -conc must be at least 1")
			os.Exit(2)
		}
		if err := drive(ctx, c, *n, *conc, *warmup, *sample); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "worker":
		work(c, *sleep)
	default:
		fs.Usage()
		os.Exit(2)
	}
}

// ---- the lifecycle as a plain Go worker

type Inventory struct{ sleep bool }

func (a *Inventory) ReserveInventory(ctx context.Context, o Order) error {
	if a.sleep {
		time.Sleep(time.Second)
	}
	return nil
}
func (a *Inventory) ReleaseInventory(ctx context.Context, o Order) error { return nil }
func (a *Inventory) Ship(ctx context.Context, o Order) error {
	if a.sleep {
		time.Sleep(2 * time.Second)
	}
	return nil
}

func fulfil(ctx workflow.Context, o Order) (*Result, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 3}})
	st := "正在预占库存"
	if err := workflow.SetQueryHandler(ctx, status, func() (string, error) { return st, nil }); err != nil {
		return nil, err
	}
	if err := workflow.ExecuteActivity(ctx, "ReserveInventory", o).Get(ctx, nil); err != nil {
		return nil, err
	}
	if o.Amount > 10000 {
		st = "⚠️ 待风控审核 (大额订单)"
		var d string
		workflow.GetSignalChannel(ctx, decision).Receive(ctx, &d)
		if d == "REJECT" {
			_ = workflow.ExecuteActivity(ctx, "ReleaseInventory", o).Get(ctx, nil)
			st = "已关闭 (风控拒绝)"
			return &Result{Status: "REJECTED"}, nil
		}
	}
	st = "待支付 (超时倒计时: 30s)"
	ok := false
	tctx, cancel := workflow.WithCancel(ctx)
	s := workflow.NewSelector(ctx)
	s.AddReceive(workflow.GetSignalChannel(ctx, paid), func(ch workflow.ReceiveChannel, _ bool) { var p string; ch.Receive(ctx, &p); ok = true })
	s.AddFuture(workflow.NewTimer(tctx, 30*time.Second), func(workflow.Future) {})
	s.Select(ctx)
	cancel()
	if !ok {
		_ = workflow.ExecuteActivity(ctx, "ReleaseInventory", o).Get(ctx, nil)
		st = "已取消 (超时)"
		return &Result{Status: "CANCELLED"}, nil
	}
	st = "支付成功，准备发货"
	if err := workflow.ExecuteActivity(ctx, "Ship", o).Get(ctx, nil); err != nil {
		return nil, err
	}
	st = "已完成"
	return &Result{Status: "COMPLETED"}, nil
}

func work(c client.Client, sleep bool) {
	w := worker.New(c, queue, worker.Options{MaxConcurrentActivityTaskPollers: 8, MaxConcurrentWorkflowTaskPollers: 8})
	w.RegisterWorkflowWithOptions(fulfil, workflow.RegisterOptions{Name: wfType})
	w.RegisterActivity(&Inventory{sleep})
	if err := w.Run(worker.InterruptCh()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
