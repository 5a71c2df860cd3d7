// The state table of mgmt.firmware (docs/protocol.md 7.4): which changes a device may notify, and when.

/** `state`, and for state 2 whether an update is in progress (`updateStatus` 1). */
type Phase = "idle" | "downloading" | "downloaded" | "installing";

/** A request for firmware that the device has accepted with 202. */
export type Accepted = "download" | "update" | undefined;

export interface Condition {
  readonly state: number;
  readonly updateStatus: number;
}

interface Row {
  readonly from: Phase;
  readonly to: Phase;
  /** Values of updateStatus that go with it. */
  readonly status: readonly number[];
  /** updateStatus may also be what it was. */
  readonly unchanged?: boolean;
  /** Only after the device has accepted this request. */
  readonly after?: Accepted;
}

// The documents name 2, 3, 4 and 6. A device that looks into the image while it downloads it reports 5.
const DOWNLOAD_FAILED = [2, 3, 4, 5, 6];
// The documents name 2 and 5. A device that verifies the image only when it installs it reports 4.
const UPDATE_FAILED = [2, 4, 5];

const ROWS: readonly Row[] = [
  { from: "idle", to: "downloading", status: [0], unchanged: true, after: "download" },
  { from: "idle", to: "idle", status: [0] },
  { from: "idle", to: "idle", status: DOWNLOAD_FAILED, after: "download" },
  { from: "downloading", to: "downloaded", status: [0], unchanged: true },
  { from: "downloading", to: "idle", status: DOWNLOAD_FAILED },
  { from: "downloaded", to: "downloaded", status: [0] },
  { from: "downloaded", to: "installing", status: [1], after: "update" },
  { from: "downloaded", to: "downloaded", status: UPDATE_FAILED, after: "update" },
  { from: "downloaded", to: "idle", status: UPDATE_FAILED, after: "update" },
  { from: "installing", to: "idle", status: [0, ...UPDATE_FAILED] },
  { from: "installing", to: "downloaded", status: UPDATE_FAILED },
];

function phaseOf({ state, updateStatus }: Condition): Phase {
  if (state === 0) return "idle";
  if (state === 1) return "downloading";
  return updateStatus === 1 ? "installing" : "downloaded";
}

/** What is wrong with a change; undefined if the table has it, or nothing changed. */
export function transitionFault(before: Condition, after: Condition, accepted: Accepted): string | undefined {
  if (before.state === after.state && before.updateStatus === after.updateStatus) return undefined;
  const [from, to] = [phaseOf(before), phaseOf(after)];
  const unchanged = before.updateStatus === after.updateStatus;
  const rows = ROWS.filter(
    row =>
      row.from === from &&
      row.to === to &&
      (row.status.includes(after.updateStatus) || (unchanged && row.unchanged === true)),
  );
  if (rows.some(({ after: needed }) => needed === undefined || needed === accepted)) return undefined;
  const [row] = rows;
  const change = `mgmt.firmware changed from ${named(before)} to ${named(after)}`;
  if (row)
    return `${change} without ${row.after === "update" ? "an" : "a"} ${row.after} request that the device has accepted`;
  return `${change}, which is no transition of the firmware states`;
}

function named({ state, updateStatus }: Condition): string {
  return `state ${state} updateStatus ${updateStatus}`;
}

const STATUS_TEXT = [
  "success",
  "in progress",
  "out of memory",
  "connection lost",
  "verification failed",
  "unsupported image",
  "invalid URI",
];

export function statusText(updateStatus: number): string {
  return `updateStatus ${updateStatus}: ${STATUS_TEXT[updateStatus]}`;
}
