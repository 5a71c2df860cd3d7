// What makes the demo device a managed one: it answers the operator, and its installer pretends to download and install.
// Runs unchanged on Node and in XS.

const FIRST_VERSION = "1.0.0";
/** The pretended download: steps, and milliseconds for each. */
const STEPS = 4;
const STEP_MS = 250;

/** Outlives the restarts of the device, as the flash of a chip does. */
export class DemoInstaller {
  version = FIRST_VERSION;
  previousStart = undefined;

  /** @param restart restarts the device */
  constructor(clock, report, restart) {
    this.report = report;
    this.restart = restart;
    this.timer = clock.timer(() => this.due());
    this.due = () => {};
  }

  download({ version, uri }, listener) {
    let step = 0;
    this.due = () => {
      const percent = (100 * ++step) / STEPS;
      listener.progress(percent);
      this.report("firmware", { text: `${uri}, ${percent} %` });
      if (step < STEPS) return this.timer.set(STEP_MS);
      this.report("firmware", { text: `${version} is downloaded` });
      listener.done(0);
    };
    this.timer.set(STEP_MS);
  }

  update({ version }) {
    this.report("firmware", { text: `installs ${version}` });
    this.version = version;
    this.previousStart = { state: 0, updateStatus: 0, version, finished: true };
    this.due = this.restart;
    this.timer.set(STEP_MS);
  }

  cancel() {
    this.timer.clear();
  }
}

export function managedOptions(installer) {
  const { version: fwVersion } = installer;
  return { deviceInfo: { model: "demo", fwVersion }, metadata: {}, installer };
}

/** Becomes a managed device, and does what the operator asks for. */
export function beManaged(client, report, restart) {
  client.rebootCallback = request => {
    report("operator", { command: request.action });
    request.answer(202, undefined, restart);
  };
  client.manage(error => report(error ? "error" : "managed", { reason: error?.message }));
}
