// `iotf-embedded/testing`: a device program on a bench, in one process, without network and without waiting. See
// docs/testing.md.

export type { ActionOutcome } from "../platform/management/actions.ts";
export type { Field, ManagedDeviceInfo, ManagedFirmware, ManagedLocation } from "../platform/management/attributes.ts";
export type { ManagementAction } from "../platform/management/managed-device.ts";
export type { ManagedLogEntry, Supports } from "../platform/management/messages.ts";
export type { FirmwareParameters } from "../platform/management/operator.ts";
export type { ManagementState } from "../platform/management/record.ts";
export { FakeClock, START_DATE } from "./clock.ts";
export {
  type Bench,
  type EventDetails,
  type Expected,
  TEST_DEVICE,
  TestDevice,
  type TestOptions,
  testDevice,
} from "./device.ts";
export type { Direction, Entry } from "./dialogue.ts";
export { ExpectationError } from "./expect.ts";
export type { SentPacket } from "./packets.ts";
export type { Platform, Received, ReceivedEvent, Refusal, SendOptions, Standing } from "./platform.ts";
export { type Chunking, FakeNetwork, FakeTransport } from "./transport.ts";
