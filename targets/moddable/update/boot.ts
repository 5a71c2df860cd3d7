// Which of two slots an ESP32 starts: what ESP-IDF keeps in partition `otadata`, read and changed through the SDK's flash
// API. The SDK's `embedded:update` selects a slot after it has written one; it offers nothing to confirm it or to go back.
//
// Layout and rules: ESP-IDF, components/bootloader_support (esp_flash_partitions.h, bootloader_common_loader.c). Two
// sectors hold one entry each: a number (4 bytes, little-endian), a label (20), a state (4), and the CRC-32 of the number
// (4). The entry with the larger number counts; number n selects slot (n - 1) % 2. Without one, slot 0 starts. With
// CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE the bootloader changes NEW to PENDING at the first start, and PENDING to ABORTED
// at the next one, which selects the other entry.

/** The two sectors. */
export interface BootSectors {
  /** The first ENTRY_BYTES of a sector. */
  read(sector: number): Uint8Array;
  erase(sector: number): void;
  /** To an erased sector. */
  write(sector: number, entry: Uint8Array): void;
}

export const ENTRY_BYTES = 32;
const STATE_AT = 24;
const CRC_AT = 28;

export const NEW = 0;
export const PENDING = 1;
export const VALID = 2;
const INVALID = 3;
const ABORTED = 4;
const ERASED = 0xffffffff;

export interface Selected {
  /** Which sector says so. */
  readonly sector: number;
  readonly slot: number;
  readonly state: number;
  /** Grows with each selection. */
  readonly number: number;
}

/** undefined: no entry is good, slot 0 starts. */
export function selected(sectors: BootSectors, except?: number): Selected | undefined {
  let best: Selected | undefined;
  let largest = 0;
  for (let sector = 0; sector < 2; sector++) {
    if (sector === except) continue;
    const entry = sectors.read(sector);
    const number = word(entry, 0);
    const state = word(entry, STATE_AT);
    if (number === ERASED || number <= largest || word(entry, CRC_AT) !== crcOf(entry)) continue;
    if (state === INVALID || state === ABORTED) continue;
    largest = number;
    best = { sector, slot: (number - 1) % 2, state, number };
  }
  return best;
}

export interface Confirmation {
  readonly sector: number;
  readonly number: number;
  /** With state VALID. */
  readonly entry: Uint8Array;
}

/** What confirmSelected() has to write; undefined: nothing. */
export function confirmation(sectors: BootSectors): Confirmation | undefined {
  const now = selected(sectors);
  if (!now || now.state === VALID) return undefined;
  const entry = sectors.read(now.sector);
  setWord(entry, STATE_AT, VALID);
  return { sector: now.sector, number: now.number, entry };
}

/**
 * The running firmware stays. A power failure between the two steps selects the other slot.
 * @param now kept by the caller, who repeats the call with it: a failed write leaves an erased sector
 */
export function confirmSelected(sectors: BootSectors, now = confirmation(sectors)): void {
  if (!now) return;
  sectors.erase(now.sector);
  sectors.write(now.sector, now.entry);
}

/** The other slot starts next. One step: it happens or not. @throws Error if there is nothing else to start */
export function deselect(sectors: BootSectors): void {
  const now = selected(sectors);
  const other = selected(sectors, now?.sector)?.slot ?? 0;
  if (!now || other === now.slot) throw new Error("there is no other firmware to go back to");
  sectors.erase(now.sector);
}

/** ESP-IDF's CRC-32 of the number: CRC-32 with initial value 0 and final inversion. */
export function crcOf(entry: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < 4; i++) {
    crc ^= entry[i]!;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function setWord(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (8 * i);
}
