// An order is placed, paid and shipped, by the client that is made from the document.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const client = createClient<paths>({ baseUrl: process.env.OMNIFLOW_URL });

const placed = await client.POST("/api/v1/orders", { body: { amount: 500, items: ["iPhone 15"] } });
assert(placed.data, JSON.stringify(placed.error));
assert.equal(placed.data.state, "awaiting_payment");
assert.equal(placed.data.amount_minor, 50000);

const params = { path: { id: placed.data.order_id } };
const paid = await client.POST("/api/v1/orders/{id}/pay", { params });
assert(paid.data, JSON.stringify(paid.error));
assert.equal(paid.data.payment_status, "paid");

let { state, version }: { state: string; version: number } = paid.data;
while (state !== "completed") {
  const header = { "If-None-Match": `"${version}"`, Prefer: "wait=20" };
  const read = await client.GET("/api/v1/orders/{id}", { params: { ...params, header } });
  assert(read.data, `${state}, and nothing happens: ${JSON.stringify(read.error)}`);
  ({ state, version } = read.data);
}

const refused = await client.POST("/api/v1/orders/{id}/cancel", { params });
assert.equal(refused.error?.code, "action_not_allowed");
console.log("scenario A: completed");
