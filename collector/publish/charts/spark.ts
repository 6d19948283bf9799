/** A series as small as a word, for a table's cell: its shape only, so it is hidden from those who cannot see it. */

const WIDTH = 96;
const HEIGHT = 22;
/** More points than pixels say nothing more. */
const pointsMax = 48;

/** Neighbours added up until at most `pointsMax` are left. */
function thinned(values: readonly number[]): number[] {
  const each = Math.ceil(values.length / pointsMax);
  return Array.from({ length: Math.ceil(values.length / each) }, (_, i) =>
    values.slice(i * each, (i + 1) * each).reduce((a, b) => a + b, 0),
  );
}

/** SVG markup made of numbers alone: columns from a common floor. */
export function sparkSvg(values: readonly number[]): string {
  const points = values.length === 0 ? [] : thinned(values);
  const max = Math.max(1, ...points);
  const step = WIDTH / Math.max(1, points.length);
  const columns = points.map((value, i) => {
    const height = (value / max) * (HEIGHT - 1);
    return `M${(i * step).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}h${Math.max(0.8, step - 0.8).toFixed(1)}V${HEIGHT}z`;
  });
  return `<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" aria-hidden="true"><path d="${columns.join('')}"/></svg>`;
}
