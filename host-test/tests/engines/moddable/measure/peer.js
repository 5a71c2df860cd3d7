// Moddable's ECMA-419 MQTT client, as measure/main.js drives it: what an application has to add for the same work.

import TCP from "embedded:io/socket/tcp";
import UDP from "embedded:io/socket/udp";
import Resolver from "embedded:network/dns/resolver/udp";
import MQTTClient from "embedded:network/mqtt/client";

const EVENTS = "iot-2/evt/status/fmt/json";
const COMMANDS = "iot-2/cmd/+/fmt/+";

export class PeerClient {
  constructor(host, port, subscribed, commanded) {
    const peer = this;
    peer.room = 0;
    peer.client = new MQTTClient({
      host,
      port,
      id: "d:abc123:thermo:t-01",
      user: "use-token-auth",
      password: ArrayBuffer.fromString("demo-token"),
      keepalive: 60_000,
      // The host is an address: nobody is asked.
      dns: { io: Resolver, servers: ["127.0.0.1"], socket: { io: UDP } },
      socket: { io: TCP },
      onControl({ operation }) {
        if (operation === MQTTClient.CONNACK) {
          peer.room = this.write(null, { operation: MQTTClient.SUBSCRIBE, items: [{ topic: COMMANDS, QoS: 1 }] });
        } else if (operation === MQTTClient.SUBACK) subscribed();
        else if (operation === MQTTClient.PUBACK) peer.confirmed();
      },
      onReadable(count, { byteLength }) {
        if (byteLength !== undefined) {
          peer.payload = new Uint8Array(byteLength);
          peer.filled = 0;
        }
        this.read(peer.payload.subarray(peer.filled, peer.filled + count));
        peer.filled += count;
        if (peer.filled < peer.payload.length) return;
        const data = JSON.parse(String.fromArrayBuffer(peer.payload.buffer));
        peer.payload = undefined;
        commanded(data);
      },
      onWritable(count) {
        peer.room = count;
        peer.rest ? peer.writeRest() : peer.writable?.();
      },
    });
  }

  /** False when there is no room now. */
  publish(text, done) {
    const payload = ArrayBuffer.fromString(JSON.stringify(text));
    const space = this.room - EVENTS.length - 9;
    if (this.rest || space < 1) return false;
    this.confirmed = done;
    const first = payload.byteLength > space ? payload.slice(0, space) : payload;
    this.room = this.client.write(first, { topic: EVENTS, QoS: 1, byteLength: payload.byteLength });
    if (first !== payload) this.rest = payload.slice(space);
    return true;
  }

  writeRest() {
    const part = this.rest.byteLength > this.room ? this.rest.slice(0, this.room) : this.rest;
    this.rest = part === this.rest ? undefined : this.rest.slice(part.byteLength);
    this.room = this.client.write(part);
    if (!this.rest) this.writable?.();
  }

  whenWritable(callback) {
    this.writable = callback;
  }

  close() {
    this.client.write(null, { operation: MQTTClient.DISCONNECT });
    this.client.close();
  }
}
