// Uses a cluster as programs written with ioredis do, with its settings as they come. Argument: the port of one node on the
// loopback interface.

const assert = require("node:assert");
const Redis = require("ioredis");

const PORT = Number(process.argv[2]);
const KEYS = 1000;

const numbers = (count) => Array.from({ length: count }, (_, n) => n);
const connect = (options) => new Redis.Cluster([{ host: "127.0.0.1", port: PORT }], options);

async function shape(cluster) {
  assert.strictEqual(cluster.nodes("master").length, 3);
  assert.strictEqual(cluster.nodes("slave").length, 3);
  for (const node of cluster.nodes("all")) {
    assert.match(await node.cluster("INFO"), /cluster_state:ok/);
  }
}

async function strings(cluster) {
  await Promise.all(numbers(KEYS).map((n) => cluster.set(`s:${n}`, n)));
  const values = await Promise.all(numbers(KEYS).map((n) => cluster.get(`s:${n}`)));
  assert.deepStrictEqual(values, numbers(KEYS).map(String));
  const sizes = await Promise.all(cluster.nodes("master").map((node) => node.dbsize()));
  assert.ok(sizes.every((size) => size > 0));
  await cluster.mset("{t}a", 1, "{t}b", 2);
  assert.deepStrictEqual(await cluster.mget("{t}a", "{t}b"), ["1", "2"]);
  await assert.rejects(cluster.mset("a", 1, "b", 2), /CROSSSLOT/);
}

async function collections(cluster) {
  assert.strictEqual(await cluster.hset("h", { f: 1, g: 2 }), 2);
  assert.deepStrictEqual(await cluster.hgetall("h"), { f: "1", g: "2" });
  assert.strictEqual(await cluster.rpush("{l}1", 1, 2, 3), 3);
  assert.strictEqual(await cluster.lmove("{l}1", "{l}2", "LEFT", "RIGHT"), "1");
  assert.strictEqual(await cluster.zadd("z", 1, "a", 2, "b"), 2);
  assert.deepStrictEqual(await cluster.zrange("z", 0, -1, "WITHSCORES"), ["a", "1", "b", "2"]);
}

async function pipelines(cluster) {
  for (const n of numbers(50)) {
    const pipeline = cluster.pipeline();
    numbers(20).forEach((k) => pipeline.set(`{p:${n}}${k}`, k).incr(`{p:${n}}${k}`));
    const answers = await pipeline.exec();
    assert.strictEqual(answers.length, 40);
    answers.forEach(([error, answer], k) => {
      assert.strictEqual(error, null);
      assert.strictEqual(answer, k % 2 ? (k - 1) / 2 + 1 : "OK");
    });
  }
}

async function transactions(cluster) {
  for (const n of numbers(50)) {
    const answers = await cluster.multi().set(`{x:${n}}a`, 1).incr(`{x:${n}}a`).incrby(`{x:${n}}b`, 5).exec();
    assert.deepStrictEqual(answers, [[null, "OK"], [null, 2], [null, 5]]);
  }
}

async function replicas() {
  const cluster = connect({ scaleReads: "slave" });
  await cluster.set("r", "1");
  const end = Date.now() + 20_000;
  for (let n = 0; n < 20; n++) {
    while ((await cluster.get("r")) !== "1") {
      assert.ok(Date.now() < end, "a replica has not what its primary has");
    }
  }
  await cluster.quit();
}

async function scans(cluster) {
  const found = new Set();
  for (const node of cluster.nodes("master")) {
    for await (const keys of node.scanStream({ match: "s:*", count: 100 })) {
      keys.forEach((key) => found.add(key));
    }
  }
  assert.strictEqual(found.size, KEYS);
}

async function publishes(cluster) {
  for (const [options, subscribe, publish, event] of [
    [{}, "subscribe", "publish", "message"],
    [{ shardedSubscribers: true }, "ssubscribe", "spublish", "smessage"],
  ]) {
    const subscriber = connect(options);
    const message = new Promise((resolve) => subscriber.on(event, (channel, text) => resolve([channel, text])));
    await subscriber[subscribe]("channel");
    await cluster[publish]("channel", "x");
    assert.deepStrictEqual(await message, ["channel", "x"]);
    subscriber.disconnect();
  }
}

async function main() {
  const cluster = connect();
  await new Promise((resolve) => cluster.once("ready", resolve));
  for (const part of [shape, strings, collections, pipelines, transactions, scans, publishes]) {
    await part(cluster);
  }
  await replicas();
  await cluster.quit();
  console.log(`ioredis ${require("ioredis/package.json").version}, all went well`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
