// Runs inside XS, for transport.test.ts: exercises host.ports.open and says what it saw. The test holds the other end.
//
// Each function is called by the test with { endpoint, … } and gives a promise of what happened. `broken` lists every
// breach of the contract in src/ports.ts that was noticed on the way.

const broken = [];
let inside = 0;

/** Calls open, write or close: a listener that runs before this returns is a breach. */
function guarded(call) {
  inside++;
  try {
    return call();
  } finally {
    inside--;
  }
}

/** A listener that keeps the order of events and passes them on. */
function watch(events, name) {
  let isOpen = false;
  let isClosed = false;
  const note = (event, allowed) => {
    if (inside) broken.push(`${name}: ${event} from inside a call`);
    if (isClosed || !allowed) broken.push(`${name}: ${event} out of order`);
  };
  return {
    opened() {
      note("opened", !isOpen);
      isOpen = true;
      events.opened?.();
    },
    received(bytes) {
      note("received", isOpen && bytes.length > 0);
      events.received?.(bytes);
    },
    writableAgain() {
      note("writableAgain", isOpen);
      events.writableAgain?.();
    },
    closed(reason) {
      note("closed", true);
      isClosed = true;
      events.closed?.(reason);
    },
  };
}

function open(endpoint, name, events) {
  const transport = guarded(() => host.ports.open(endpoint, watch(events, name)));
  if (transport.writable !== 0) broken.push(`${name}: writable before opened`);
  return transport;
}

/** A sequence with no short period, so that a lost, doubled or moved piece is seen. */
function patternAt(index) {
  return (index ^ (index >> 8) ^ (index >> 16)) & 255;
}

function pattern(start, length) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = patternAt(start + i);
  return bytes;
}

/** Sends `total` bytes in pieces of `piece`, expects them back, closes. */
host.register("echo", ({ endpoint, total, piece }) => {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let received = 0;
    let waits = 0;
    const send = () => {
      while (sent < total) {
        const length = Math.min(piece, total - sent);
        if (transport.writable < length) return void waits++;
        guarded(() => transport.write(pattern(sent, length)));
        sent += length;
      }
    };
    const transport = open(endpoint, "echo", {
      opened: send,
      writableAgain: send,
      received(bytes) {
        for (let i = 0; i < bytes.length; i++) {
          if (bytes[i] !== patternAt(received + i)) broken.push(`echo: byte ${received + i} is wrong`);
        }
        received += bytes.length;
        if (received < total) return;
        guarded(() => transport.close());
        resolve({ sent, received, waits, writable: transport.writable, broken });
      },
      closed: reason => reject(new Error(reason)),
    });
  });
});

/** Writes until there is no room, asks the host to let the other end read, writes on until `total`, closes. */
host.register("fill", ({ endpoint, piece, more }) => {
  return new Promise((resolve, reject) => {
    const bytes = new Uint8Array(piece);
    let sent = 0;
    const write = () => {
      guarded(() => transport.write(bytes));
      sent += piece;
    };
    const transport = open(endpoint, "fill", {
      opened() {
        while (transport.writable >= piece) write();
        host.call("full", sent);
      },
      writableAgain() {
        for (let i = 0; i < more && transport.writable >= piece; i++) write();
        guarded(() => transport.close());
        resolve({ sent, broken });
      },
      closed: reason => reject(new Error(reason)),
    });
  });
});

/** Sends `text`, if any, and listens until the other end closes. */
host.register("listen", ({ endpoint, text }) => {
  return new Promise(resolve => {
    const decoder = new TextDecoder();
    let heard = "";
    const transport = open(endpoint, "listen", {
      opened() {
        if (text) guarded(() => transport.write(new TextEncoder().encode(text)));
      },
      received(bytes) {
        heard += decoder.decode(bytes, { stream: true });
      },
      closed(reason) {
        transport.write(new Uint8Array(1)); // does nothing any more
        transport.close();
        resolve({ heard, reason, writable: transport.writable, broken });
      },
    });
  });
});

/** Writes and closes in one go: the other end must get all of it, and nothing may be told here any more. */
host.register("say", ({ endpoint, text }) => {
  return new Promise(resolve => {
    const transport = open(endpoint, "say", {
      opened() {
        guarded(() => transport.write(new TextEncoder().encode(text)));
        guarded(() => transport.close());
        guarded(() => transport.close());
        resolve({ broken });
      },
      received: () => broken.push("say: received after close"),
      closed: () => broken.push("say: closed after close"),
    });
  });
});

/** Closes before anything happened. */
host.register("giveUp", ({ endpoint }) => {
  const fail = () => broken.push("giveUp: told something after close");
  const transport = open(endpoint, "giveUp", { opened: fail, closed: fail });
  guarded(() => transport.close());
});

/** Writes more than there is room for; returns what write throws. */
host.register("overfill", ({ endpoint }) => {
  return new Promise(resolve => {
    const transport = open(endpoint, "overfill", {
      opened() {
        try {
          transport.write(new Uint8Array(transport.writable + 1));
          resolve("nothing");
        } catch (error) {
          resolve(String(error));
        }
        transport.close();
      },
    });
  });
});
