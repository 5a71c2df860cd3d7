// A number for what is in an event: the observer finds the event of a device by it.

/** FNV-1a: the state before the first byte, and the factor. */
const INITIAL = 0x811c9dc5;
const PRIME = 0x01000193;

/** 0..2^32-1 for a topic as the device publishes it, `iot-2/evt/<event>/fmt/<format>`, and a payload. */
export function eventHash(topic: Uint8Array, payload: Uint8Array): number {
  return added(added(INITIAL, topic), payload) >>> 0;
}

function added(state: number, bytes: Uint8Array): number {
  let mixed = state;
  for (let i = 0; i < bytes.length; i++) mixed = Math.imul(mixed ^ bytes[i]!, PRIME);
  return mixed;
}

const EVENT = Buffer.from("iot-2/evt/");

/** False for messages of device management and of programs with MqttClient, which the observer does not get. */
export function isEvent(topic: Uint8Array): boolean {
  return topic.length > EVENT.length && EVENT.every((byte, i) => topic[i] === byte);
}
