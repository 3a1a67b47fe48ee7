// SPDX-License-Identifier: MIT
// A client made of /openapi.json by openapi-typescript: the orders of the README compile, are
// accepted, and are found again. node client.js URL
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };
const { GET, POST } = createClient<paths>({ baseUrl: process.argv[2] });

function expect(what: string, found: unknown, wanted: unknown) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
  }
}

const order: components["schemas"]["OrderEvent"] = {
  order_id: 1001, created_at: "2026-11-21T10:00:00-05:00", customer_id: 7, product_id: "mug-blue",
  quantity: 2, subtotal: "25.00", shipping: "4.90", tax: "2.00", total: "31.90",
  source: "GOOGLE", state: "CA",
};
const refund: components["schemas"]["OrderEvent"] = {
  order_id: 1001, event: "refunded", event_id: "r-1", created_at: "2026-11-21T11:00:00-05:00",
  product_id: "mug-blue", quantity: 1, total: "15.95",
};
// null is as good as absent.
const guest: components["schemas"]["OrderEvent"] = {
  order_id: "guest", event: null, event_id: null, created_at: "2026-11-21T10:00:00-05:00",
  customer_id: null, product_id: null, quantity: null, subtotal: null, source: null, state: null,
  currency: null, items: [{ product_id: 1, quantity: 1, subtotal: null }], total: 1,
};

const one = await POST("/v1/orders", { body: order });
expect("verdicts", one.data, { accepted: 1, duplicate: 0, rejected: 0, errors: [] });
const more = await POST("/v1/orders", { body: [refund, guest, order] });
expect("verdicts of several", more.data, { accepted: 2, duplicate: 1, rejected: 0, errors: [] });
const bad = await POST("/v1/orders", { body: { ...order, order_id: 7, total: -1 } });
expect("the code of a bad one", bad.error && "errors" in bad.error ? bad.error.errors[0].code : bad, "negative");

const found = await GET("/v1/orders/{order_id}", { params: { path: { order_id: "1001" } } });
expect("the order", found.data?.order?.total, "31.9000");
expect("its adjustments", found.data?.adjustments.map((each) => each.event), ["refunded"]);
const sales = await GET("/v1/sales", { params: { query: { by: "source" } } });
expect("sums", sales.data?.rows.map((row) => [row.source, row.orders, row.total]),
  [["(unknown)", 1, "1.0000"], ["GOOGLE", 1, "15.9500"]]);
const rejected = await GET("/v1/rejected", { params: { query: { limit: 5, before: 1000 } } });
expect("rejected", rejected.data?.rows.map((row) => row.code), ["negative"]);
console.log("all as expected");
