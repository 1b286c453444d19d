// Publish CloudEvents to a Centralita over NATS, with Node's `net` module and nothing else.
//
//     node publish.js 127.0.0.1:4222 acme < events.jsonl
//
// One event in JSON a line; its `subject` is the id of the call, agent or customer. Exit code 1 where one was refused.

"use strict";
const net = require("net");

const READER = { call: "intake", customer: "intake", message: "intake", clock: "intake", agent: "routing" };
const TOPIC = { agent: "agent", training: "agent", proposal: "agent", doubt: "agent", customer: "customer", message: "message", clock: "clock" };

class Connection {
  // One connection that speaks the NATS protocol: requests, each with an answer under a subject of its own.
  constructor(host, port) {
    this.inbox = `_INBOX.${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
    this.waiting = new Map();
    this.read = Buffer.alloc(0);
    this.socket = net.connect(port, host);
    this.socket.on("data", (part) => this.take(part));
    this.socket.on("error", (error) => this.fail(error));
    this.socket.on("close", () => this.fail(new Error("the server closed the connection")));
    const options = { verbose: false, pedantic: false, headers: true, no_responders: true, lang: "node", version: "1" };
    this.socket.write(`CONNECT ${JSON.stringify(options)}\r\nSUB ${this.inbox}.* 1\r\n`);
  }

  request(subject, headers, body) {
    const reply = `${this.inbox}.${this.waiting.size}${Math.random().toString(36).slice(2)}`;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = Buffer.from(`NATS/1.0\r\n${lines.join("")}\r\n`);
    const content = Buffer.from(body);
    this.socket.write(`HPUB ${subject} ${reply} ${head.length} ${head.length + content.length}\r\n`);
    this.socket.write(Buffer.concat([head, content, Buffer.from("\r\n")]));
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer to ${subject} within 5 s: publish it again`)), 5000);
      this.waiting.set(reply, { resolve, reject, late });
    });
  }

  take(part) {
    this.read = Buffer.concat([this.read, part]);
    for (let end; (end = this.read.indexOf("\r\n")) >= 0; ) {
      const words = this.read.subarray(0, end).toString().split(" ");
      let size = 0;
      if (words[0] === "MSG" || words[0] === "HMSG") {
        size = Number(words[words.length - 1]) + 2;
        if (this.read.length < end + 2 + size) return;
        const content = this.read.subarray(end + 2, end + size);
        const head = words[0] === "HMSG" ? Number(words[words.length - 2]) : 0;
        this.answered(words[1], content.subarray(0, head).toString(), content.subarray(head).toString());
      } else if (words[0] === "PING") {
        this.socket.write("PONG\r\n");
      } else if (words[0] === "-ERR") {
        this.fail(new Error(words.join(" ")));
      }
      this.read = this.read.subarray(end + 2 + size);
    }
  }

  answered(subject, head, body) {
    const { resolve, reject, late } = this.waiting.get(subject) || {};
    this.waiting.delete(subject);
    clearTimeout(late);
    if (!resolve) return;
    if (head.startsWith("NATS/1.0 503")) reject(new Error("nobody takes this: is the centre open, and the topic right?"));
    else resolve(JSON.parse(body));
  }

  fail(error) {
    for (const { reject, late } of this.waiting.values()) {
      clearTimeout(late);
      reject(error);
    }
    this.waiting.clear();
  }
}

async function publish(connection, centre, event) {
  // Where the event stands in the inbox, once it is on disk. Attributes go into headers, percent-encoded.
  const headers = {};
  for (const [name, value] of Object.entries(event)) {
    if (name !== "data" && value !== null) headers[`ce-${name}`] = encodeURIComponent(value);
  }
  const subject = `inbox.${centre}.${topicOf(event)}.${event.subject}`;
  const answer = await connection.request(subject, headers, JSON.stringify(event.data || {}));
  if (answer.error) throw new Error(answer.error.description);
  return answer.seq;
}

function topicOf(event) {
  return TOPIC[event.type.split(".")[0]] || "call";
}

async function outcome(connection, centre, event, position) {
  // The first event of the log that is about it: what it led to, or why it was rejected.
  const topic = topicOf(event);
  const about = topic === "call" ? event.subject : topic === "clock" ? "clock" : `${topic}:${event.subject}`;
  const log = `log.${centre}.${READER[topic]}`;
  let after = 0;
  for (const until = Date.now() + 10000; Date.now() < until; ) {
    // what has an id that cannot be one is rejected under a subject of its own
    const nameless = await next(connection, centre, `${log}.rejected:${position}`, 0);
    const found = nameless || (await next(connection, centre, `${log}.${about}`, after));
    if (!found) {
      await new Promise((resume) => setTimeout(resume, 50));
      continue;
    }
    if (found.type === "fact.rejected" && found.data.position === position) return found.data;
    if (found.cause === event.id && found.causesource === event.source) return { led: found.type };
    after = found.seq;
  }
  throw new Error(`stored at ${position}, and nothing is recorded of it yet`);
}

async function next(connection, centre, subject, after) {
  // The first event of the log under a subject after a position, if there is one.
  const wanted = JSON.stringify({ seq: after + 1, next_by_subj: subject });
  const { message } = await connection.request(`$JS.API.STREAM.MSG.GET.LOG_${centre}`, {}, wanted);
  if (!message) return undefined;
  const found = { seq: message.seq, data: JSON.parse(Buffer.from(message.data, "base64").toString()) };
  for (const line of Buffer.from(message.hdrs, "base64").toString().split("\r\n")) {
    const [name, value] = line.split(/: ?(.*)/);
    if (name.startsWith("ce-")) found[name.slice("ce-".length)] = decodeURIComponent(value);
  }
  return found;
}

async function main(address, centre) {
  const [host, port] = address.split(":");
  const connection = new Connection(host, Number(port));
  let wrong = 0;
  for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter((each) => each.trim())) {
    const event = JSON.parse(line);
    try {
      const position = await publish(connection, centre, event);
      const found = await outcome(connection, centre, event, position);
      wrong += found.led ? 0 : 1;
      console.log(`${event.id}: stored at ${position}, ` + (found.led || `rejected: ${found.reason} (${found.rule})`));
    } catch (error) {
      wrong += 1;
      console.log(`${event.id}: ${error.message}`);
    }
  }
  connection.socket.destroy();
  process.exitCode = wrong ? 1 : 0;
}

main(...process.argv.slice(2));
