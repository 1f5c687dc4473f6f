// MQTT.js against the gatekeeper, over TCP or in a WebSocket: node with_mqttjs.js URL
//
// The library does not look at the server's Receive Maximum, and who passes it is disconnected (protocol.md).  So what
// is sent at once over MQTT 5 stays below it.
"use strict";

const assert = require("node:assert/strict");
const mqtt = require("mqtt");

// Milliseconds for anything that should take no time, and for the whole script.
const PATIENCE = 8000;
const WHOLE = 30000;
// What the gatekeeper refuses: topic, payload, whether it is retained, and the reason code (protocol.md).
const REFUSED = [
  ["pi/status", "offline", false, 0x87],
  ["pi/devices/fan/set", "ON", false, 0x90],
  ["pi/devices/led/set", "maybe", false, 0x99],
  ["pi/devices/led/set", "ON", true, 0x83],
];
// `limits.subscriptions` and `mqtt.maximum_packet` of the configuration, at their defaults.
const SUBSCRIPTIONS = 100;
const MAXIMUM_PACKET = 65536;
// How many messages are under way when the connection is cut.
const WINDOW = 20;

const [url] = process.argv.slice(2);
let at = "the beginning";

/** Ends the script and says why. */
function fail(error) {
  console.error(`${at}: ${error.stack ?? error}`);
  process.exit(1);
}

/** Waits for something, and not for long. */
function within(coming, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), PATIENCE);
  });
  return Promise.race([coming, late]).finally(() => clearTimeout(timer));
}

/** What has happened, and what is still waited for. */
class Events {
  happened = [];
  waiting = [];

  add(event) {
    const waiter = this.waiting.shift();
    if (waiter) waiter(event);
    else this.happened.push(event);
  }

  next(what) {
    if (this.happened.length) return Promise.resolve(this.happened.shift());
    return within(new Promise((resolve) => this.waiting.push(resolve)), what);
  }
}

/** A client whose events wait until the script asks for them. */
class Client {
  constructor(id, version, { keep = false, properties = {}, ...options } = {}) {
    Object.assign(this, { id, version, messages: new Events(), connacks: new Events(), goodbyes: new Events() });
    this.acknowledgements = [];
    // What is under way; without these the library would forget it when it connects again.
    this.stores = { incomingStore: new mqtt.Store({ clean: false }), outgoingStore: new mqtt.Store({ clean: false }) };
    if (version === 5) {
      options.properties = { ...(keep && { sessionExpiryInterval: 60 }), ...properties };
    }
    this.mqtt = mqtt.connect(url, {
      clientId: id, protocolVersion: version, clean: !keep, reconnectPeriod: 0, resubscribe: false,
      ...this.stores, ...options,
    });
    let reason = null;
    this.mqtt.on("connect", (connack) => this.connacks.add(connack));
    this.mqtt.on("message", (topic, payload, packet) => this.messages.add({ ...packet, topic, payload }));
    this.mqtt.on("disconnect", (packet) => { reason = packet.reasonCode; });
    this.mqtt.on("close", () => { this.goodbyes.add(reason); reason = null; });
    this.mqtt.on("packetreceive", (packet) => {
      if (["puback", "pubrec", "pubcomp"].includes(packet.cmd)) this.acknowledgements.push(packet);
    });
    // Why the connection ended is told by what ends it.
    this.mqtt.on("error", () => {});
  }

  static async connect(...about) {
    const client = new Client(...about);
    client.connack = await client.connacks.next(`${client.id}: CONNACK`);
    return client;
  }

  /** Connects again and gives the CONNACK. */
  reconnect() {
    this.mqtt.reconnect(this.stores);
    return this.connacks.next(`${this.id}: CONNACK`);
  }

  /** Subscribes and gives the reason code. */
  async subscribe(topic, qos = 0, properties = undefined) {
    const subscribing = this.mqtt.subscribeAsync(topic, { qos, properties });
    // A refusal is an error of the library's, with the SUBACK in it.
    const granted = subscribing.then(([{ qos }]) => qos, (error) => error.packet.granted[0]);
    return within(granted, `SUBACK of ${topic}`);
  }

  /** Publishes, waits for the acknowledgement, and gives its reason code. */
  async publish(topic, payload, qos = 1, options = {}) {
    const publishing = this.mqtt.publishAsync(topic, payload, { qos, ...options });
    const reason = publishing.then(() => 0, (error) => error.code);
    return within(reason, `${this.id}: the acknowledgement of a publication to ${topic}`);
  }

  /** Publishes these payloads all at once, for this library knows of no Receive Maximum, and gives the reason codes. */
  async publishAll(topic, payloads, qos = 1) {
    return Promise.all(payloads.map((payload) => this.publish(topic, payload, qos)));
  }

  /** Publishes without waiting; what fails is seen in the end of the connection. */
  send(topic, payload, qos) {
    this.mqtt.publish(topic, payload, { qos }, () => {});
  }

  message(what) {
    return this.messages.next(`${this.id}: ${what}`);
  }

  /** The next message, which has to be this one. */
  async expect(topic, payload, about = {}) {
    const message = await this.message(`${payload.slice(0, 20)} on ${topic}`);
    assert.equal(message.topic, topic);
    assert.equal(message.payload.toString(), payload);
    for (const [key, value] of Object.entries(about)) assert.equal(message[key], value, `${key} of ${topic}`);
    return message;
  }

  /** All messages that come before this one. */
  async until(topic, payload) {
    const messages = [];
    for (;;) {
      const message = await this.message(`${payload} on ${topic}`);
      if (message.topic === topic && message.payload.toString() === payload) return messages;
      messages.push({ qos: message.qos, payload: message.payload.toString() });
    }
  }

  /** Waits until the connection has ended, and gives the reason code of a DISCONNECT. */
  lost() {
    return this.goodbyes.next(`${this.id}: the end of the connection`);
  }

  /** Ends the connection without a DISCONNECT. */
  cut() {
    this.mqtt.stream.destroy();
    return this.lost();
  }

  close() {
    return within(this.mqtt.endAsync(), `${this.id}: the end`);
  }
}

const close = (...clients) => Promise.all(clients.map((client) => client.close()));
const numbers = (count) => Array.from({ length: count }, (_, number) => `${number}`);
const isFive = (version) => version === 5;

async function qualitiesOfService(version, topic) {
  const sender = await Client.connect(`sender-${topic}`, version);
  for (const granted of [0, 1, 2]) {
    const receiver = await Client.connect(`receiver-${topic}-${granted}`, version);
    assert.equal(await receiver.subscribe(topic, granted), granted, "granted QoS");
    for (const qos of [0, 1, 2]) {
      sender.acknowledgements.length = 0;
      assert.equal(await sender.publish(topic, `${qos}`, qos), 0, `acknowledgement of QoS ${qos}`);
      const expected = [[], ["puback"], ["pubrec", "pubcomp"]][qos];
      assert.deepEqual(sender.acknowledgements.map(({ cmd }) => cmd), expected);
      await receiver.expect(topic, `${qos}`, { qos: Math.min(qos, granted), retain: false });
    }
    await receiver.close();
  }
  sender.acknowledgements.length = 0;
  await sender.publish(`${topic}/nobody`, "x");
  if (isFive(version)) assert.equal(sender.acknowledgements[0].reasonCode, 0x10, "PUBACK without subscribers");
  await sender.close();
}

async function retainedMessages(version, topic) {
  const sender = await Client.connect(`sender-${topic}`, version);
  await sender.subscribe(topic, 1);
  assert.equal(await sender.publish(topic, "kept", 1, { retain: true }), 0);
  await sender.expect(topic, "kept", { retain: false });
  const late = await Client.connect(`late-${topic}`, version);
  await late.subscribe(topic, 1);
  await late.expect(topic, "kept", { retain: true, qos: 1 });
  await sender.publish(topic, "", 1, { retain: true });
  const later = await Client.connect(`later-${topic}`, version);
  await later.subscribe(topic, 1);
  await sender.publish(topic, "live");
  await later.expect(topic, "live", { retain: false });
  await close(sender, late, later);
}

async function willOfAClientThatIsCutOff(version, topic) {
  const watcher = await Client.connect(`watcher-${topic}`, version);
  await watcher.subscribe(topic, 1);
  const polite = await Client.connect(`polite-${topic}`, version, { will: { topic, payload: "never", qos: 1 } });
  await polite.close();
  const dying = await Client.connect(`dying-${topic}`, version, { will: { topic, payload: "gone", qos: 1 } });
  await dying.cut();
  await watcher.expect(topic, "gone", { qos: 1 });
  await watcher.close();
}

async function sessionThatIsResumed(version, topic) {
  const sender = await Client.connect(`sender-${topic}`, version);
  const sleeper = await Client.connect(`sleeper-${topic}`, version, { keep: true });
  assert.equal(sleeper.connack.sessionPresent, false, "session before the first connection");
  await sleeper.subscribe(topic, 2);
  await sleeper.cut();
  const waiting = numbers(20).flatMap((payload) => [{ qos: 1, payload }, { qos: 2, payload }]);
  for (const { qos, payload } of waiting) assert.equal(await sender.publish(topic, payload, qos), 0);
  assert.equal((await sleeper.reconnect()).sessionPresent, true, "session after the cut");
  await sender.publish(topic, "end", 2);
  const came = await sleeper.until(topic, "end");
  for (const qos of [1, 2]) {
    const [one, other] = [came, waiting].map((all) => all.filter((message) => message.qos === qos));
    assert.deepEqual(one, other, `what waited with QoS ${qos}`);
  }
  await sleeper.close();
  const fresh = await Client.connect(sleeper.id, version);
  assert.equal(fresh.connack.sessionPresent, false, "session that was thrown away");
  await close(sender, fresh);
}

async function connectionsThatBreak(version, topic) {
  const sender = await Client.connect(`sender-${topic}`, version, { keep: true });
  const receiver = await Client.connect(`receiver-${topic}`, version, { keep: true });
  await receiver.subscribe(topic, 2);
  for (let turn = 0; turn < 5; turn += 1) {
    const payloads = numbers(WINDOW).map((number) => `${turn}-${number}`);
    for (const payload of payloads) sender.send(topic, payload, 2);
    const came = [];
    for (let number = 0; number < 3 * turn; number += 1) {
      came.push((await receiver.message(`message ${number} of QoS 2`)).payload.toString());
    }
    await Promise.all([receiver.cut(), sender.cut()]);
    assert.equal((await receiver.reconnect()).sessionPresent, true, "session of the receiver");
    assert.equal((await sender.reconnect()).sessionPresent, true, "session of the sender");
    while (came.length < payloads.length) {
      came.push((await receiver.message(`message ${came.length} of QoS 2`)).payload.toString());
    }
    await sender.publish(topic, "end", 2);
    await receiver.expect(topic, "end", { qos: 2 });
    assert.deepEqual(came.sort(), payloads.sort(), "what came over broken connections");
  }
  await close(sender, receiver);
}

async function propertiesUnchanged(version, topic) {
  const client = await Client.connect(topic, version);
  await client.subscribe(topic, 1);
  const said = {
    payloadFormatIndicator: true, contentType: "text/plain", responseTopic: "answers/grüße",
    correlationData: Buffer.from(numbers(256).map(Number)), userProperties: { b: ["1", "3"], a: "2" },
  };
  await client.publish(topic, "x", 1, { properties: { ...said, messageExpiryInterval: 100 } });
  const { messageExpiryInterval, ...came } = (await client.expect(topic, "x")).properties;
  assert.deepEqual({ ...came, userProperties: { ...came.userProperties } }, said);
  assert.ok(messageExpiryInterval >= 90 && messageExpiryInterval <= 100, `${messageExpiryInterval}`);
  await client.close();
}

async function subscriptionIdentifiers(version, topic) {
  const client = await Client.connect(topic, version);
  await client.subscribe(`${topic}/#`, 1, { subscriptionIdentifier: 7 });
  await client.subscribe(`${topic}/+`, 0, { subscriptionIdentifier: 268435455 });
  await client.publish(`${topic}/a`, "x");
  const { properties } = await client.expect(`${topic}/a`, "x");
  assert.deepEqual([].concat(properties.subscriptionIdentifier).sort((a, b) => a - b), [7, 268435455]);
  await client.close();
}

async function sharedSubscription(version, topic) {
  const sender = await Client.connect(`sender-${topic}`, version);
  const members = [];
  for (const member of ["one", "two"]) members.push(await Client.connect(`${member}-${topic}`, version));
  for (const member of members) {
    await member.subscribe(`$share/group/${topic}`, 1);
    await member.subscribe(`${topic}/end`, 1);
  }
  await sender.publishAll(topic, numbers(40));
  await sender.publish(`${topic}/end`, "end");
  const shares = [];
  for (const member of members) shares.push((await member.until(`${topic}/end`, "end")).map(({ payload }) => payload));
  assert.deepEqual(shares.flat().sort((a, b) => a - b), numbers(40), "what the group got");
  assert.ok(shares.every((share) => share.length > 0), `the shares are ${JSON.stringify(shares)}`);
  await close(sender, ...members);
}

async function topicAliases(version, topic) {
  const properties = { topicAliasMaximum: 1 };
  const client = await Client.connect(topic, version, { properties, autoAssignTopicAlias: true });
  await client.subscribe(`${topic}/#`, 1);
  const sent = [];
  client.mqtt.on("packetsend", (packet) => packet.cmd === "publish" && sent.push(packet.topic));
  for (const payload of ["1", "2"]) {
    await client.publish(`${topic}/a`, payload);
    const { properties } = await client.expect(`${topic}/a`, payload);
    assert.equal(properties.topicAlias, 1);
  }
  assert.deepEqual(sent, [`${topic}/a`, ""], "topics that were sent");
  await client.publish(`${topic}/b`, "3");
  assert.equal((await client.expect(`${topic}/b`, "3")).properties?.topicAlias, undefined, "a second alias");
  await client.close();
}

async function receiveMaximum(version, topic) {
  const client = await Client.connect(topic, version, { properties: { receiveMaximum: 1 } });
  await client.subscribe(topic, 2);
  const payloads = numbers(50);
  await client.publishAll(topic, payloads, 2);
  for (const payload of payloads) await client.expect(topic, payload, { qos: 2 });
  await client.close();
}

async function requestAndResponse(version, topic) {
  const client = await Client.connect(topic, version);
  const answers = `pi/rpc/responses/${topic}`;
  await client.subscribe(answers, 1);
  const correlationData = Buffer.from("\0request\xff", "latin1");
  const options = isFive(version) ? { properties: { correlationData } } : {};
  for (const [device, status, code] of [["lamp", "success", null], ["fan", "error", "UNKNOWN_DEVICE"]]) {
    const request = JSON.stringify({ device, method: "set", args: [0.25] });
    assert.equal(await client.publish("pi/rpc/commands", request, 1, options), code && isFive(version) ? 0x90 : 0);
    const message = await client.message(`the response about ${device}`);
    const answer = JSON.parse(message.payload);
    assert.deepEqual([message.topic, answer.status, answer.code], [answers, status, code]);
    if (isFive(version)) assert.deepEqual(message.properties.correlationData, correlationData);
  }
  await client.close();
}

async function deviceAndItsState(version, topic) {
  const client = await Client.connect(topic, version);
  const state = "pi/devices/led/state";
  await client.subscribe(state, 1);
  assert.equal((await client.message("the state of the led")).retain, true);
  for (const [payload, value] of [["ON", 1], ["OFF", 0], ["TOGGLE", 1]]) {
    assert.equal(await client.publish("pi/devices/led/set", payload, 2), 0, `acknowledgement of ${payload}`);
    assert.equal(JSON.parse((await client.message(`the state after ${payload}`)).payload).value, value, payload);
  }
  const late = await Client.connect(`late-${topic}`, version);
  await late.subscribe(state);
  const kept = await late.message("the retained state");
  assert.deepEqual([kept.retain, JSON.parse(kept.payload).value], [true, 1]);
  await client.publish("pi/devices/led/set", "OFF");
  await close(client, late);
}

async function refusals(version, topic) {
  const client = await Client.connect(topic, version);
  for (const [to, payload, retain, code] of REFUSED) {
    for (const qos of [1, 2]) {
      const reason = await client.publish(to, payload, qos, { retain });
      assert.equal(reason, isFive(version) ? code : 0, `acknowledgement of ${payload} on ${to} with QoS ${qos}`);
    }
  }
  await client.subscribe("pi/status");
  await client.expect("pi/status", "online", { retain: true });
  for (const number of numbers(SUBSCRIPTIONS - 1)) assert.equal(await client.subscribe(`many/${number}`, 1), 1);
  assert.equal(await client.subscribe("one/too/many", 1), isFive(version) ? 0x97 : 0x80, "SUBACK of one too many");
  await client.close();
}

async function takeover(version, topic) {
  const older = await Client.connect(topic, version);
  const newer = await Client.connect(topic, version);
  const reason = await older.lost();
  if (isFive(version)) assert.equal(reason, 0x8e, "what the older client was told");
  await newer.subscribe(`${topic}/a`);
  await newer.publish(`${topic}/a`, "x");
  await newer.expect(`${topic}/a`, "x");
  await newer.close();
}

async function largeMessages(version, topic) {
  const client = await Client.connect(topic, version);
  await client.subscribe(`${topic}/#`, 2);
  const large = "x".repeat(60_000);
  for (const qos of [0, 1, 2]) {
    await client.publish(`${topic}/large`, large, qos);
    await client.expect(`${topic}/large`, large, { qos });
  }
  if (isFive(version)) {
    assert.equal(client.connack.properties.maximumPacketSize, MAXIMUM_PACKET);
    const small = await Client.connect(`small-${topic}`, version, { properties: { maximumPacketSize: 1000 } });
    await small.subscribe(`${topic}/#`, 1);
    for (const payload of ["x".repeat(2000), "small"]) await client.publish(`${topic}/size`, payload);
    await small.expect(`${topic}/size`, "small");
    await small.close();
  }
  client.send(`${topic}/too/large`, "x".repeat(MAXIMUM_PACKET + 1), 1);
  const reason = await client.lost();
  if (isFive(version)) assert.equal(reason, 0x95, "what the client was told");
}

async function burst(version, topic) {
  const client = await Client.connect(topic, version);
  await client.subscribe(topic, 2);
  const payloads = numbers(200);
  for (const qos of [0, 1, 2]) {
    const reasons = await client.publishAll(topic, payloads, qos);
    assert.ok(reasons.every((reason) => reason === 0), `acknowledgements of QoS ${qos}: ${reasons}`);
    for (const payload of payloads) await client.expect(topic, payload, { qos });
  }
  await client.close();
}

const BOTH = [
  qualitiesOfService, retainedMessages, willOfAClientThatIsCutOff, sessionThatIsResumed, connectionsThatBreak,
  sharedSubscription, requestAndResponse, deviceAndItsState, refusals, takeover, largeMessages, burst,
];
const ONLY_FIVE = [propertiesUnchanged, subscriptionIdentifiers, topicAliases, receiveMaximum];

async function main() {
  for (const [version, steps] of [[4, BOTH], [5, [...BOTH, ...ONLY_FIVE]]]) {
    for (const step of steps) {
      at = `MQTT ${isFive(version) ? "5" : "3.1.1"}: ${step.name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
      await step(version, `${step.name}-${version}`);
      console.log(at);
    }
  }
}

setTimeout(() => fail(new Error("the whole script takes too long")), WHOLE).unref();
main().then(() => process.exit(0), fail);
