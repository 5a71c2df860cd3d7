// A device that is killed again and again: one life of it, as a process. It keeps its messages in files, and writes down
// what the caller was told, each line before the next thing happens: "accepted q1 17", "command q2 3 begins",
// "command q2 3 ends".
//
//     node restarting-device.js <port> <folder> <first number>

import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { fileStore, MqttClient, makePorts } from "../../../dist/node.js";

const [port, folder, first] = argv.slice(2);
const diary = openSync(join(folder, "diary"), "a");
const note = line => writeSync(diary, `${line}\n`);

// SIGKILL ends the process, not the machine: no need to wait for the disk.
const store = fileStore(join(folder, "store"), { sync: false });
const client = new MqttClient(
  {
    endpoint: { host: "127.0.0.1", port: Number(port) },
    clientId: "restarting",
    clean: false,
    limits: { inflight: 4, queuedMessages: 8 },
  },
  makePorts({ store }),
);
let number = Number(first);
const publish = () => {
  for (;;) {
    const qos = 1 + (number % 2);
    if (!client.publish("events", new TextEncoder().encode(`q${qos} ${number}`), qos, false, publish)) return;
    note(`accepted q${qos} ${number++}`);
  }
};
client.messageCallback = ({ payload }) => {
  const name = new TextDecoder().decode(payload);
  note(`command ${name} begins`);
  note(`command ${name} ends`);
};
client.drainCallback = () => {
  if (number >= 0) publish();
};
client.errorCallback = error => {
  if (error.code !== "limit") note(`error ${error.message}`); // publish() fills the outbox
};
client.subscribe([{ topic: "commands", qos: 2 }], () => note("subscribed"));
client.connect();
if (number >= 0) publish();
note("alive");
console.log("alive");
