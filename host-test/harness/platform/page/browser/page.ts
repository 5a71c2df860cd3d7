// The page in the browser: shows the updates of the server as text and plots. Text from devices is set as textContent,
// never as markup.

import type { DeviceSummary, DeviceUpdate, ManagedSummary, Message, Update } from "../update.ts";
import { Plot } from "./plot.ts";

const at = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

/** The device that the page shows, also in the fragment of the address, so that a reload keeps it. */
let chosen: string | undefined = named();
let source: EventSource | undefined;
const plots: Plot[] = [];

function named(): string | undefined {
  try {
    return decodeURIComponent(location.hash.slice(1)) || undefined;
  } catch {
    return undefined; // not percent-encoded UTF-8
  }
}

function listen(): void {
  source?.close();
  forget();
  source = new EventSource(chosen === undefined ? "live" : `live?device=${encodeURIComponent(chosen)}`);
  source.onopen = () => link("live", "live");
  // The browser reconnects by itself, unless the server refused it.
  source.onerror = () => {
    const gone = source?.readyState === EventSource.CLOSED;
    link("lost", gone ? "refused: reload the page" : "no connection to the platform; the page retries");
  };
  source.onmessage = ({ data }) => show(JSON.parse(data) as Update);
}

function link(state: string, text: string): void {
  const element = at("link");
  element.dataset.state = state;
  element.textContent = text;
  // The states of the devices are not known without the platform.
  document.body.dataset.link = state;
  if (state === "lost") setText(at("state"), "unknown");
}

function show({ devices, moreDevices, device, keep }: Update): void {
  const known = devices.some(({ clientId }) => clientId === chosen);
  const [first] = devices;
  if (!known && first) return choose(first.clientId);
  list(devices);
  at("more-devices").hidden = !moreDevices;
  at("nobody").hidden = known;
  at("device").hidden = !known;
  const summary = devices.find(({ clientId }) => clientId === chosen);
  if (summary) head(summary);
  if (device) details(device, keep);
}

function choose(clientId: string): void {
  chosen = clientId;
  history.replaceState(null, "", `#${encodeURIComponent(clientId)}`);
  listen();
}

function list(devices: readonly DeviceSummary[]): void {
  const sorted = [...devices].sort((a, b) => (a.clientId < b.clientId ? -1 : 1));
  const container = at("devices");
  sorted.forEach((device, index) => {
    const item = (container.children[index] as HTMLElement | undefined) ?? container.appendChild(deviceItem());
    const anchor = item.firstElementChild as HTMLAnchorElement;
    anchor.href = `#${encodeURIComponent(device.clientId)}`;
    anchor.dataset.connected = String(device.connected);
    anchor.setAttribute("aria-current", String(device.clientId === chosen));
    setText(anchor.children[0]!, shortName(device.clientId));
    setText(
      anchor.children[1]!,
      `${device.connected ? "" : device.since === undefined ? "never connected, " : "disconnected, "}${plural(device.events, "event")}`,
    );
  });
  while (container.children.length > sorted.length) container.lastElementChild!.remove();
}

function deviceItem(): HTMLElement {
  const item = document.createElement("li");
  const anchor = document.createElement("a");
  anchor.className = "device-link";
  anchor.append(document.createElement("bdi"), document.createElement("small"));
  item.append(anchor);
  return item;
}

function head({ clientId, connected, since, events, commands, heap }: DeviceSummary): void {
  setText(at("name"), clientId);
  setText(
    at("state"),
    since === undefined ? "never connected" : `${connected ? "connected" : "disconnected"} since ${clock(since)}`,
  );
  setText(at("events"), String(events));
  setText(at("commands"), String(commands));
  at("heap-box").hidden = heap === undefined;
  setText(at("heap"), heap === undefined ? "" : `${heap.toLocaleString("en")} bytes`);
}

function details({ fresh, managed, moreFields, fields, messages }: DeviceUpdate, keep: Update["keep"]): void {
  if (fresh) forget();
  management(managed);
  for (const field of fields) {
    let plot = plots[field.index];
    if (!plot) {
      plot = new Plot(field, keep.points);
      plots[field.index] = plot;
      at("plots").append(plot.card);
    }
    plot.add(field.points);
  }
  at("no-numbers").hidden = plots.length > 0;
  at("more-fields").hidden = !moreFields;
  for (const message of messages) {
    const container = at(message.kind === "event" ? "last-events" : "last-others");
    container.prepend(messageItem(message));
    if (container.children.length > keep.messages) container.lastElementChild!.remove();
  }
}

function management(managed: ManagedSummary | undefined): void {
  at("managed").hidden = managed === undefined;
  if (!managed) return;
  const { state, deviceActions, firmwareActions, fwVersion, firmware, progress, errorCodes, log } = managed;
  setText(at("managed-state"), state);
  setText(at("fw-version"), fwVersion);
  setText(at("fw-state"), firmware);
  at("fw-progress-box").hidden = progress === undefined;
  at<HTMLProgressElement>("fw-progress").value = progress ?? 0;
  setText(at("error-codes"), errorCodes || "none");
  at("device-log").replaceChildren(
    ...log.map(text => {
      const item = document.createElement("li");
      item.append(part("text", text));
      return item;
    }),
  );
  at<HTMLButtonElement>("reboot").disabled = !deviceActions;
  for (const id of ["download", "update"]) at<HTMLButtonElement>(id).disabled = !firmwareActions;
}

function messageItem({ at, kind, name, format, qos, text }: Message): HTMLElement {
  const item = document.createElement("li");
  item.dataset.kind = kind;
  const time = document.createElement("time");
  time.textContent = clock(at);
  item.append(time, part("kind", kind), part("name", name));
  item.append(part("how", qos === undefined ? "" : `${format} QoS ${qos}`), part("text", text));
  return item;
}

/** In a bdi element, so that its text direction does not change the rest. */
function part(className: string, text: string): HTMLElement {
  const element = document.createElement("bdi");
  element.className = className;
  element.textContent = text;
  return element;
}

function forget(): void {
  management(undefined);
  for (const plot of plots.splice(0)) plot.remove();
  at("last-events").replaceChildren();
  at("last-others").replaceChildren();
  at("no-numbers").hidden = false;
  at("more-fields").hidden = true;
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** `type:id` of `d:org:type:id`. */
function shortName(clientId: string): string {
  return clientId.split(":").slice(2).join(":");
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

const value = (id: string) => at<HTMLInputElement>(id).value;

function sendCommand(): Promise<void> {
  return send("commands", "answer", {
    device: chosen,
    command: value("command"),
    format: value("format"),
    payload: value("payload"),
    qos: Number(value("qos")),
  });
}

function startAction(action: string): Promise<void> {
  const image = action === "firmware/download" ? { uri: value("fw-uri"), version: value("fw-new-version") } : {};
  return send("actions", "action-answer", { device: chosen, action, ...image });
}

async function send(path: string, answer: string, request: object): Promise<void> {
  const output = at(answer);
  output.textContent = "";
  try {
    const headers = { "content-type": "application/json" };
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(request) });
    output.textContent = await response.text();
    output.dataset.bad = String(!response.ok);
  } catch {
    output.textContent = "no connection to the platform";
    output.dataset.bad = "true";
  }
}

at("command-form").addEventListener("submit", event => {
  event.preventDefault();
  void sendCommand();
});
for (const [id, action] of [
  ["reboot", "device/reboot"],
  ["download", "firmware/download"],
  ["update", "firmware/update"],
] as const) {
  at(id).addEventListener("click", () => void startAction(action));
}
addEventListener("hashchange", () => {
  const clientId = named();
  if (clientId && clientId !== chosen) choose(clientId);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of plots) plot.repaint();
});
listen();
