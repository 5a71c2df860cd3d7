// What a board keeps: stand-ins of the SDK's `preference` (NVS on the ESP32) and `Resource`, and of `modules`, which finds
// them. NVS: names of domains and keys have at most 15 characters; a value replaces another by erasing it first; memory
// that is full throws.

const NAME = 15;
/** Domain with texts; the other domains have bytes. */
const TEXTS = "clock";
/** An entry of NVS, bytes; each value takes one more for its name. */
const ENTRY = 32;

export const nvs = {
  entries: new Map<string, Map<string, Uint8Array>>(),
  /** Entries that are free. */
  free: 400,
  /** Writes so far. */
  writes: 0,
};

const entriesOf = (value: Uint8Array): number => 2 + Math.ceil(value.length / ENTRY);

export const Preference = {
  set(domain: string, key: string, value: unknown): void {
    if (!domain || domain.length > NAME) throw new Error("nvs_open fail");
    // Others are not used here. The SDK gives a text back as a text.
    if (typeof value !== "string" && !(value instanceof ArrayBuffer)) throw new Error("unsupported type");
    Preference.delete(domain, key);
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : new Uint8Array(value.slice(0));
    nvs.writes++;
    if (!key || key.length > NAME || !bytes.length || entriesOf(bytes) > nvs.free) throw new Error("nvs set fail");
    nvs.free -= entriesOf(bytes);
    if (!nvs.entries.has(domain)) nvs.entries.set(domain, new Map());
    nvs.entries.get(domain)!.set(key, bytes);
  },
  get(domain: string, key: string): ArrayBuffer | string | undefined {
    const bytes = nvs.entries.get(domain)?.get(key)?.slice();
    return bytes && domain === TEXTS ? new TextDecoder().decode(bytes) : bytes?.buffer;
  },
  delete(domain: string, key: string): void {
    const value = nvs.entries.get(domain)?.get(key);
    if (!value) return;
    nvs.writes++;
    nvs.free += entriesOf(value);
    nvs.entries.get(domain)!.delete(key);
  },
  keys(domain: string): string[] {
    return [...(nvs.entries.get(domain)?.keys() ?? [])];
  },
};

/** name to contents; the bytes are in flash and cannot be written. */
export const resources = new Map<string, Uint8Array>();

export class Resource {
  private readonly bytes: Uint8Array;

  constructor(name: string) {
    const bytes = resources.get(name);
    if (!bytes) throw new URIError(`Resource: "${name}" not found!`);
    this.bytes = bytes;
  }

  static exists(name: string): boolean {
    return resources.has(name);
  }

  get byteLength(): number {
    return this.bytes.length;
  }

  slice(begin: number, end: number): ArrayBuffer {
    return this.bytes.slice(begin, end).buffer as ArrayBuffer;
  }
}
