// A run as an SVG picture: the connected devices as a line, and the connects of each second as bars.

import { count } from "../xs/text.ts";
import type { Report } from "./report.ts";

const WIDTH = 720;
const HEIGHT = 280;
const MARGIN = { left: 56, right: 56, top: 28, bottom: 36 };
const PLOT = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
const TICKS = 5;

/** The picture as text. Needs no script and no other file. */
export function picture({ timeline, outage }: Report): string {
  const seconds = Math.max(1, timeline.length);
  const mostConnected = niceTop(Math.max(1, ...timeline.map(({ connected }) => connected)));
  const mostConnects = niceTop(Math.max(1, ...timeline.map(({ connects }) => connects)));
  const x = (second: number) => round(MARGIN.left + (PLOT.width * second) / seconds);
  const y = (value: number, most: number) => round(MARGIN.top + PLOT.height * (1 - value / most));
  const bars = timeline.map(({ connects }, second) =>
    connects === 0
      ? ""
      : `<rect x="${x(second)}" y="${y(connects, mostConnects)}" width="${round(Math.max(1, PLOT.width / seconds - 0.5))}" height="${round((PLOT.height * connects) / mostConnects)}"/>`,
  );
  const line = timeline.map(({ connected }, second) => `${x(second + 1)},${y(connected, mostConnected)}`);
  const grid = Array.from({ length: TICKS + 1 }, (_, i) => {
    const at = round(MARGIN.top + (PLOT.height * i) / TICKS);
    const left = label(MARGIN.left - 6, at + 4, "end", (mostConnected * (TICKS - i)) / TICKS);
    const right = label(WIDTH - MARGIN.right + 6, at + 4, "start", (mostConnects * (TICKS - i)) / TICKS);
    return `<path class="grid" d="M${MARGIN.left} ${at}H${WIDTH - MARGIN.right}"/>${left}${right}`;
  });
  const step = timeStep(seconds);
  const times = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) =>
    label(x(i * step), HEIGHT - MARGIN.bottom + 16, "middle", i * step),
  );
  const marker = outage ? `<path class="outage" d="M${x(outage.second)} ${MARGIN.top}v${PLOT.height}"/>` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Connected devices, and connects in each second">
<style>text{font:12px sans-serif;fill:#444}.grid{stroke:#ddd}.outage{stroke:#c33;stroke-dasharray:4 3}rect{fill:#8ab4d8}polyline{fill:none;stroke:#1a5c34;stroke-width:2}</style>
<rect x="0" y="0" width="${WIDTH}" height="${HEIGHT}" style="fill:#fff"/>
${[...grid, ...times].join("\n")}
${bars.filter(bar => bar !== "").join("\n")}
${marker}
<polyline points="${line.join(" ")}"/>
<text x="${MARGIN.left}" y="16">connected (line)</text><text x="${WIDTH - MARGIN.right}" y="16" text-anchor="end">connects per second (bars)</text>
<text x="${WIDTH / 2}" y="${HEIGHT - 4}" text-anchor="middle">seconds</text>
</svg>
`;
}

/** A round number that is not less, so that the labels are whole. */
function niceTop(value: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(value)));
  const tops = [1, 2, 5, 10].map(factor => factor * step);
  return Math.max(TICKS, tops.find(top => top >= value)!);
}

/** Seconds between two labels of time. */
function timeStep(seconds: number): number {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];
  return steps.find(step => seconds / step <= TICKS + 2) ?? Math.ceil(seconds / TICKS);
}

function label(x: number, y: number, anchor: string, value: number): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${count(Math.round(value))}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
