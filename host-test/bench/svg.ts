// Heap over number of events, as a picture for docs/cost.md: ours, and ours with mqtt-packet as published.

export interface Curve {
  name: string;
  colour: string;
  points: { events: number; bytes: number }[];
}

const WIDTH = 640;
const HEIGHT = 280;
const LEFT = 64;
const BOTTOM = 40;
const TOP = 16;
const RIGHT = 32;

export function heapChart(curves: Curve[]): string {
  const most = Math.max(1, ...curves.flatMap(curve => curve.points.map(point => point.bytes)));
  const last = Math.max(...curves.flatMap(curve => curve.points.map(point => point.events)));
  const x = (events: number) => Math.round(LEFT + ((WIDTH - LEFT - RIGHT) * events) / last);
  const y = (bytes: number) => Math.round(HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * bytes) / most);
  const grid = [0, 0.25, 0.5, 0.75, 1].map(part => {
    const at = y(most * part);
    return `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#ccc"/><text x="${LEFT - 6}" y="${at + 4}" text-anchor="end">${kilobytes(most * part)}</text>`;
  });
  const ticks = [0, 0.5, 1].map(
    part =>
      `<text x="${x(last * part)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${(last * part).toLocaleString("en")}</text>`,
  );
  const lines = curves.map(({ name, colour, points }) => {
    const path = points.map(point => `${x(point.events)} ${y(point.bytes)}`).join("L");
    const end = y(points.at(-1)!.bytes);
    const label = end < HEIGHT / 2 ? end + 18 : end - 8;
    return `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>
<text x="${WIDTH - RIGHT}" y="${label}" text-anchor="end" fill="${colour}">${name}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">
<title>Heap growth of a connected device over events of 2,000 different lengths</title>
<rect width="100%" height="100%" fill="white"/>
${[...grid, ...ticks, ...lines].join("\n")}
<text x="${(LEFT + WIDTH) / 2}" y="${HEIGHT - 6}" text-anchor="middle">events</text>
</svg>
`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(bytes < 10240 ? 1 : 0)} KB`;
}
