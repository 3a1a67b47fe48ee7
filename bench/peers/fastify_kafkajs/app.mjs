// SPDX-License-Identifier: MIT
// The peer of `salestide ingest`: fastify checks an order by its schema, kafkajs produces it with acks=all, keyed by
// order_id. One send is under way at a time and takes all orders that came meanwhile: the fastest of what we tried.
// usage: node app.mjs PORT BROKERS TOPIC
import Fastify from "fastify";
import { Kafka, Partitioners, logLevel } from "kafkajs";

const [port, brokers, topic] = process.argv.slice(2);
const id = { anyOf: [{ type: "integer", minimum: 0 }, { type: "string", minLength: 1, maxLength: 64 }] };
const amount = { anyOf: [{ type: "number", minimum: 0 }, { type: "string", pattern: "^[0-9]+(\\.[0-9]+)?$" }] };
const order = {
  type: "object",
  required: ["order_id", "created_at", "product_id", "quantity", "total"],
  properties: {
    order_id: id, created_at: { type: "string", format: "date-time" }, customer_id: id, product_id: id,
    quantity: { type: "integer", minimum: 0, maximum: 1000000 }, subtotal: amount, discount: amount, shipping: amount,
    tax: amount, total: amount, source: { type: "string", maxLength: 100 }, state: { type: "string", maxLength: 100 },
  },
};

const kafka = new Kafka({ clientId: "peer", brokers: brokers.split(","), logLevel: logLevel.WARN });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
let waiting = [];
let accepted = 0;
let sending = false;

async function sendAll() {
  if (sending) return;
  sending = true;
  while (waiting.length > 0) {
    const batch = waiting;
    waiting = [];
    try {
      await producer.send({ topic, acks: -1, messages: batch.map((one) => one.message) });
      accepted += batch.length;
      for (const one of batch) one.resolve();
    } catch (problem) {
      for (const one of batch) one.reject(problem);
    }
  }
  sending = false;
}

function deliver(body) {
  return new Promise((resolve, reject) => {
    waiting.push({ message: { key: String(body.order_id), value: JSON.stringify(body) }, resolve, reject });
    sendAll();
  });
}

const app = Fastify({ logger: false });
app.post("/v1/orders", { schema: { body: order } }, async (request, reply) => {
  await deliver(request.body);
  reply.code(202);
  return { accepted: 1, duplicate: 0, rejected: 0, errors: [] };
});
app.get("/accepted", async () => ({ accepted }));
app.get("/healthz", async () => ({ status: "ok" }));

await producer.connect();
await app.listen({ host: "127.0.0.1", port: Number(port) });
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    await app.close();
    await producer.disconnect();
    process.exit(0);
  });
}
