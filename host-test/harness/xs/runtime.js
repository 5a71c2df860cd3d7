// Runs inside XS: gives a program there the Ports of src/ports.ts and a bridge to the host that lends them.
//
// In: commands of the host through handleCommand. Out: queries through issueCommand, which the host answers at once.
// Publishes one global, `host`:
//   host.ports                  Ports: open, clock, random
//   host.trace(text)            a line for people
//   host.call(name, argument)   calls a function of the host, JSON both ways, and returns its result or throws
//   host.register(name, fn)     lets the host call fn(argument); a promise may be returned
// A listener is only ever called from a command, and commands wait until the program has returned: never from inside
// open, write or close. What a program throws is told to the host. XS has neither timers nor a console of its own.

import { COMMAND, COMMAND_HEADER, QUERY, QUERY_HEADER, RESULT_ERROR, RESULT_LATER, RESULT_VALUE } from "./wire.js";

const NOTHING = new Uint8Array(0);
const MAX_DELAY = 0x7fffffff;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function query(op, id, data) {
  const bytes = new Uint8Array(QUERY_HEADER + data.length);
  bytes[0] = op;
  new DataView(bytes.buffer).setUint32(1, id, true);
  bytes.set(data, QUERY_HEADER);
  return issueCommand(bytes.buffer);
}

function queryResult(op, id, value) {
  const reply = new Uint8Array(query(op, id, encoder.encode(JSON.stringify(value))));
  const text = decoder.decode(reply.subarray(1));
  if (reply[0] === RESULT_ERROR) throw new Error(text);
  return text === "" ? undefined : JSON.parse(text);
}

function result(status, text) {
  const data = encoder.encode(text);
  const bytes = new Uint8Array(1 + data.length);
  bytes[0] = status;
  bytes.set(data, 1);
  return bytes;
}

function success(value) {
  const text = JSON.stringify(value);
  return result(RESULT_VALUE, text === undefined ? "" : text);
}

function describe(error) {
  try {
    return error instanceof Error && error.stack ? error.stack : String(error);
  } catch {
    return "something that has no text";
  }
}

// --- sockets -----------------------------------------------------------------------------------------------------

const sockets = new Map();
let lastSocket = 0;

class Socket {
  constructor(id, listener) {
    this.id = id;
    this.listener = listener;
    this.room = 0;
  }
  get writable() {
    return this.room;
  }
  write(bytes) {
    if (!sockets.has(this.id)) return;
    if (bytes.length > this.room) throw new RangeError(`write of ${bytes.length} bytes, room for ${this.room}`);
    this.room = new DataView(query(QUERY.write, this.id, bytes)).getUint32(0, true);
  }
  close(closed) {
    if (sockets.delete(this.id)) {
      this.room = 0;
      query(QUERY.close, this.id, NOTHING); // the host sends the rest
    }
    closed?.();
  }
}

/** JSON has no bytes; certificates may be bytes. */
function withBytes(_key, value) {
  return value instanceof Uint8Array ? { bytes: Array.from(value) } : value;
}

function open(endpoint, listener) {
  const id = ++lastSocket;
  const socket = new Socket(id, listener);
  queryResult(QUERY.open, id, JSON.parse(JSON.stringify(endpoint, withBytes)));
  sockets.set(id, socket);
  return socket;
}

// --- time --------------------------------------------------------------------------------------------------------

let hostTime = 0; // of the host, when it sent the command that is being handled
let arrival = 0; // of XS, when that command came; not monotonic, so used for short differences only
let lastNow = 0;

function now() {
  const time = Math.floor(hostTime + Math.max(0, performance.now() - arrival));
  if (time > lastNow) lastNow = time;
  return lastNow;
}

const deadlines = new Map();
let lastDeadline = 0;

class Timer {
  constructor(due) {
    this.due = due;
    this.deadline = 0; // each deadline has its own id: one that was replaced or cleared on its way here is not known
  }
  set(delayMs) {
    const data = new DataView(new ArrayBuffer(8));
    data.setUint32(0, this.deadline, true);
    data.setUint32(4, Math.min(Math.max(delayMs, 0), MAX_DELAY), true);
    deadlines.delete(this.deadline);
    this.deadline = ++lastDeadline;
    deadlines.set(this.deadline, this);
    query(QUERY.set, this.deadline, new Uint8Array(data.buffer));
  }
  clear() {
    if (!deadlines.delete(this.deadline)) return;
    query(QUERY.clear, this.deadline, NOTHING);
    this.deadline = 0;
  }
}

// --- programs ----------------------------------------------------------------------------------------------------

const registered = new Map([["gc", () => gc()]]);

function named(name) {
  const fn = registered.get(name);
  if (!fn) throw new Error(`no function is registered as ${name}`);
  return fn;
}

function repeat(name, count) {
  const fn = named(name);
  for (let i = 0; i < count; i++) fn(i);
}

/** A promise is answered when it settles, which may be many commands later. */
function answer(id, value) {
  if (!value || typeof value.then !== "function") return success(value).buffer;
  Promise.resolve(value)
    .then(success)
    .catch(error => result(RESULT_ERROR, describe(error)))
    .then(bytes => query(QUERY.settled, id, bytes));
  return result(RESULT_LATER, "").buffer;
}

// biome-ignore lint/security/noGlobalEval: running code the host sends is what this is for; indirect, so it is global code
const indirectEval = eval;

// --- commands ----------------------------------------------------------------------------------------------------

function room(data) {
  return new DataView(data.buffer).getUint32(COMMAND_HEADER, true);
}

function handle(op, id, data) {
  switch (op) {
    case COMMAND.call: {
      const [name, argument] = JSON.parse(decoder.decode(data));
      return answer(id, named(name)(argument));
    }
    case COMMAND.evaluate:
      return answer(id, indirectEval(decoder.decode(data)));
    case COMMAND.load:
      return answer(id, import(decoder.decode(data)).then(Object.keys));
    case COMMAND.repeat:
      return answer(id, repeat(...JSON.parse(decoder.decode(data))));
    case COMMAND.due:
      return due(id);
    default:
      return socketEvent(op, id, data);
  }
}

function due(id) {
  const timer = deadlines.get(id);
  if (!timer) return;
  deadlines.delete(id);
  timer.deadline = 0;
  timer.due();
}

/** Events of a connection that the program has closed meanwhile are dropped. */
function socketEvent(op, id, data) {
  const socket = sockets.get(id);
  if (!socket) return;
  const { listener } = socket;
  switch (op) {
    case COMMAND.opened:
      socket.room = room(data);
      return void listener.opened();
    case COMMAND.received:
      return void listener.received(data);
    case COMMAND.writable:
      socket.room = room(data);
      return void listener.writableAgain();
    case COMMAND.closed:
      sockets.delete(id);
      socket.room = 0;
      return void listener.closed(data.length ? decoder.decode(data) : undefined);
  }
}

globalThis.handleCommand = buffer => {
  const view = new DataView(buffer);
  hostTime = view.getFloat64(1, true);
  arrival = performance.now();
  try {
    return handle(view.getUint8(0), view.getUint32(9, true), new Uint8Array(buffer, COMMAND_HEADER));
  } catch (error) {
    return result(RESULT_ERROR, describe(error)).buffer;
  }
};

// XS calls console.error, if there is one, for a rejection nobody handles and for what a setImmediate callback throws.
globalThis.console = {
  error(what, error) {
    query(QUERY.uncaught, 0, encoder.encode(`${what} ${describe(error)}`));
  },
};

globalThis.host = {
  ports: {
    open,
    clock: { now, date: () => Date.now(), timer: due => new Timer(due) },
    random: () => new DataView(query(QUERY.random, 0, NOTHING)).getFloat64(0, true),
  },
  trace(text) {
    query(QUERY.trace, 0, encoder.encode(String(text)));
  },
  call: (name, argument) => queryResult(QUERY.call, 0, [name, argument]),
  register(name, fn) {
    registered.set(name, fn);
  },
};
