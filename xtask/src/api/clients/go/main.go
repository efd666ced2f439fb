// An order is placed, paid and shipped, by the client that is made from the document.
package main

import (
	"context"
	"fmt"
	"os"

	"omniflow.invalid/check/client"
)

func must(holds bool, told ...any) {
	if !holds {
		fmt.Fprintln(os.Stderr, told...)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	api, err := client.NewClientWithResponses(os.Getenv("OMNIFLOW_URL"))
	must(err == nil, err)

	var item client.NewItem
	must(item.FromNewItem0("iPhone 15") == nil, "a SKU is an item")
	amount := 500.0
	order := client.NewOrder{Amount: &amount, Items: []client.NewItem{item}}
	placed, err := api.PlaceOrderWithResponse(ctx, nil, order)
	must(err == nil, err)
	must(placed.JSON201 != nil, string(placed.Body))
	must(placed.JSON201.State == "awaiting_payment", placed.JSON201.State)
	must(placed.JSON201.AmountMinor == 50000, placed.JSON201.AmountMinor)

	id := placed.JSON201.OrderId
	paid, err := api.PayOrderWithResponse(ctx, id, nil, client.PaymentReport{})
	must(err == nil, err)
	must(paid.JSON200 != nil, string(paid.Body))
	must(paid.JSON200.PaymentStatus == "paid", paid.JSON200.PaymentStatus)

	state, version := paid.JSON200.State, paid.JSON200.Version
	for state != "completed" {
		known, wait := fmt.Sprintf("\"%d\"", version), "wait=20"
		read, err := api.ReadOrderWithResponse(ctx, id, &client.ReadOrderParams{IfNoneMatch: &known, Prefer: &wait})
		must(err == nil, err)
		must(read.JSON200 != nil, state, "and nothing happens:", string(read.Body))
		state, version = read.JSON200.State, read.JSON200.Version
	}

	refused, err := api.CancelOrderWithResponse(ctx, id, nil, client.ReasonGiven{})
	must(err == nil, err)
	must(refused.ApplicationproblemJSON409 != nil, string(refused.Body))
	must(refused.ApplicationproblemJSON409.Code == "action_not_allowed", refused.ApplicationproblemJSON409.Code)
	fmt.Println("scenario A: completed")
}
