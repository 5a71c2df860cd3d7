// The device of the fault runs: publishes numbered events as fast as they are taken, and tells every command. Its clock
// runs `speed` times as fast as ours, so that back-off delays and keep-alive do not take minutes. It is an MqttClient on
// the topics of a device: DeviceClient subscribes at QoS 1, and would never be sent a command of QoS 2.

export function start({ lib, ports, argument: { options, speed }, call }) {
  let timers = 0;
  const clock = {
    now: () => ports.clock.now() * speed,
    date: () => ports.clock.date(),
    timer(due) {
      timers++;
      const timer = ports.clock.timer(due);
      return { set: delayMs => timer.set(Math.ceil(delayMs / speed)), clear: () => timer.clear() };
    },
  };
  // The first packet of each connection arrives in two pieces: fields of the decoder that a cut frame needs are made once,
  // and not whenever TCP happens to cut one.
  const open = (endpoint, listener) => {
    let begun = false;
    return ports.open(endpoint, {
      opened: () => listener.opened(),
      received(bytes) {
        const cut = begun ? 0 : 1;
        begun = true;
        if (cut) listener.received(bytes.subarray(0, cut));
        if (bytes.length > cut) listener.received(bytes.subarray(cut));
      },
      writableAgain: () => listener.writableAgain(),
      closed: reason => listener.closed(reason),
    });
  };
  const client = new lib.MqttClient(options, { open, clock, random: ports.random });
  const text = new TextEncoder();
  const reader = new TextDecoder();
  // Of each QoS, index 1 and 2.
  const sent = [0, 0, 0];
  let confirmed = 0;
  let failed = 0;
  let target = 0;
  let pumping = false;

  const publish = qos => {
    const done = error => {
      if (error) failed++;
      else confirmed++;
      pump();
    };
    if (!client.publish(`iot-2/evt/q${qos}/fmt/json`, text.encode(String(sent[qos])), qos, false, done)) return false;
    sent[qos]++;
    return true;
  };

  function pump() {
    if (pumping) return;
    pumping = true;
    while (sent[2] < target && publish(sent[1] > sent[2] ? 2 : 1)) {}
    pumping = false;
    if (confirmed + failed === 2 * target) call("settled", target);
  }

  client.messageCallback = ({ topic, payload }) => call("command", [topic.split("/")[2], reader.decode(payload)]);
  client.errorCallback = error => {
    // A full outbox is part of the run: pump() tries again when a message is confirmed. A link that breaks three times
    // with one message first in flight looks like a server that refuses it. The client says so, and sends it again.
    if (error.code !== "limit" && error.code !== "undeliverable") call("failed", `${error.name}: ${error.message}`);
  };
  client.disconnectedCallback = reason => call("disconnected", reason ? `${reason.code}: ${reason.message}` : "");
  client.subscribe([{ topic: "iot-2/cmd/+/fmt/+", qos: 2 }], () => call("subscribed"));

  return {
    connect: () => client.connect(),
    /** Publishes until there are so many events of each QoS; tells "settled" when all are confirmed. */
    target(count) {
      target = count;
      pump();
    },
    disconnect: () => new Promise(resolve => client.disconnect(resolve)),
    figures: () => ({ sent: sent[1] + sent[2], confirmed, failed, timers, counters: client.counters }),
  };
}
