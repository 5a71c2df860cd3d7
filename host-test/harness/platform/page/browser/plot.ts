// A card with the name of a field, its last value, and a plot of its values over time.

import uPlot from "uplot";
import type { FieldUpdate } from "../update.ts";

const HEIGHT = 140;
const AXIS_FONT = "11px system-ui, sans-serif";

export class Plot {
  readonly card = document.createElement("figure");
  readonly #most: number;
  readonly #value = document.createElement("output");
  readonly #canvas = document.createElement("div");
  // Seconds since 1970, and the numbers, as uPlot takes them.
  readonly #times: number[] = [];
  readonly #values: (number | null)[] = [];
  readonly #resize = new ResizeObserver(() => this.#fit());
  #plot: uPlot | undefined;

  constructor({ event, path }: FieldUpdate, most: number) {
    this.#most = most;
    const name = document.createElement("bdi");
    name.className = "path";
    name.textContent = path || "value";
    const of = document.createElement("small");
    of.textContent = event;
    const title = document.createElement("span");
    title.append(name, of);
    const caption = document.createElement("figcaption");
    caption.append(title, this.#value);
    this.card.className = "plot";
    this.card.append(caption, this.#canvas);
    this.#resize.observe(this.card);
  }

  add(points: FieldUpdate["points"]): void {
    for (const [at, value] of points) {
      this.#times.push(at / 1000);
      this.#values.push(value === null ? null : Number(value));
      if (value !== null) this.#value.textContent = typeof value === "boolean" ? String(value) : readable(value);
    }
    this.#times.splice(0, this.#times.length - this.#most);
    this.#values.splice(0, this.#values.length - this.#most);
    const count = this.#values.filter(value => value !== null).length;
    this.card.dataset.points = String(count);
    this.card.dataset.gaps = String(this.#values.length - count);
    this.#plot?.setData([this.#times, this.#values]);
  }

  /** Draws again, for new colours. */
  repaint(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#fit();
  }

  remove(): void {
    this.#resize.disconnect();
    this.#plot?.destroy();
    this.card.remove();
  }

  // The card has a width only on the page.
  #fit(): void {
    const width = this.#canvas.clientWidth;
    if (width === 0) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else this.#plot = new uPlot(options(width), [this.#times, this.#values], this.#canvas);
  }
}

function options(width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--soft"),
    font: AXIS_FONT,
    grid: { stroke: colour("--rule"), width: 1 },
    ticks: { stroke: colour("--rule"), width: 1, size: 4 },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: spread } },
    axes: [
      { ...axis, size: 30, space: 80, incrs: STEPS, values: (_, ticks) => ticks.map(clock) },
      { ...axis, size: 48, values: (_, ticks) => ticks.map(readable) },
    ],
    series: [
      {},
      {
        stroke: colour("--accent"),
        fill: colour("--fill"),
        fillTo: (_, __, least) => least,
        width: 2,
        points: { show: plot => plot.data[0].length < 3 },
      },
    ],
  };
}

/** Adds room above and below. A value that does not change is in the middle. */
function spread(_: uPlot, least: number | null, most: number | null): [number, number] {
  if (least === null || most === null) return [0, 1];
  const room = most > least ? (most - least) * 0.1 : Math.abs(most) * 0.1 || 1;
  return [least - room, most + room];
}

/** Seconds between the marks of the time axis. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];

function clock(seconds: number): string {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}

const FORMAT = new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: false });
const SHORT = new Intl.NumberFormat("en", { notation: "scientific", maximumSignificantDigits: 4 });

function readable(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e7 || size < 1e-4) ? SHORT.format(value) : FORMAT.format(value);
}
