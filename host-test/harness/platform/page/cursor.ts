// Updates for one page that shows one device. The first update has the whole history of the device, each later one what is
// new.

import type { DeviceRecord, History } from "./history.ts";
import type { DeviceSummary, DeviceUpdate, FieldUpdate, Update } from "./update.ts";

export class Cursor {
  readonly #history: History;
  readonly #clientId: string | undefined;
  readonly #keep: Update["keep"];
  #record: DeviceRecord | undefined;
  #seenPoints: number[] = [];
  #seenEvents = 0;
  #seenOthers = 0;

  constructor(history: History, clientId: string | undefined, keep: Update["keep"]) {
    this.#history = history;
    this.#clientId = clientId;
    this.#keep = keep;
  }

  next(): Update {
    const { devices, leftOut } = this.#history;
    const record = this.#clientId === undefined ? undefined : devices.get(this.#clientId);
    return {
      devices: [...devices.values()].map(summary),
      moreDevices: leftOut > 0,
      keep: this.#keep,
      ...(record ? { device: this.#device(record) } : {}),
    };
  }

  #device(record: DeviceRecord): DeviceUpdate {
    // The history dropped the device and made a new record.
    const fresh = record !== this.#record;
    if (fresh) {
      this.#record = record;
      this.#seenPoints = [];
      this.#seenEvents = 0;
      this.#seenOthers = 0;
    }
    const messages = [...record.lastEvents.since(this.#seenEvents), ...record.lastOthers.since(this.#seenOthers)];
    this.#seenEvents = record.lastEvents.total;
    this.#seenOthers = record.lastOthers.total;
    const { clientId, managed, moreFields } = record;
    return { clientId, fresh, ...(managed ? { managed } : {}), moreFields, fields: this.#fields(record), messages };
  }

  #fields(record: DeviceRecord): FieldUpdate[] {
    const updates = [...record.fields.values()].map(({ event, path, points }, index) => {
      const update = { index, event, path, points: points.since(this.#seenPoints[index] ?? 0) };
      this.#seenPoints[index] = points.total;
      return update;
    });
    return updates.filter(({ points }) => points.length > 0);
  }
}

function summary({ clientId, connected, since, events, commands, heap }: DeviceRecord): DeviceSummary {
  return {
    clientId,
    connected,
    ...(since === undefined ? {} : { since }),
    events,
    commands,
    ...(heap === undefined ? {} : { heap }),
  };
}
