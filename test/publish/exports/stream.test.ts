/** Exports are made in bounded memory, however many rows and sources there are. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { bySource } from '../../../collector/publish/exports/by-source.ts';
import type { Row } from '../../../collector/publish/exports/row.ts';
import { manyRows } from './rows.ts';
import { ALL_SHAPES } from './run.ts';

const run = promisify(execFile);
const CHILD = path.join(import.meta.dirname, 'stream-child.ts');

async function stream(format: string, shape: string, rows: number, { heapMb = 0, sources = 0 }) {
  // The young generation too, or garbage would look like memory that is needed.
  const limits = [`--max-old-space-size=${heapMb}`, '--max-semi-space-size=4'];
  const args = [CHILD, format, shape, String(rows), String(sources)];
  const { stdout } = await run(process.execPath, [...limits, ...args]);
  return JSON.parse(stdout) as { bytes: number; longest: number };
}

describe('200,000 rows', () => {
  const byRow = ALL_SHAPES.filter(([format]) => !['misp', 'stix'].includes(format));

  it.each(byRow)('%s (%s): in 24 MB', async (format, shape) => {
    const { bytes, longest } = await stream(format, shape, 200_000, { heapMb: 24, sources: 200_000 });
    expect(bytes).toBeGreaterThan(200_000 * 50);
    expect(longest).toBeLessThan(2_000_000); // what is waiting for a slow reader
  });

  it.each(['misp', 'stix'])('%s: from 500 sources, in 48 MB', async format => {
    const { bytes } = await stream(format, 'records', 200_000, { heapMb: 48, sources: 500 });
    expect(bytes).toBeGreaterThan(500 * 40 * 200);
  });

  it.each(['misp', 'stix'])('%s: each from another source nearly, in 112 MB', async format => {
    const { bytes } = await stream(format, 'records', 140_000, { heapMb: 112, sources: 4_000_000 });
    expect(bytes).toBeGreaterThan(130_000 * 700);
  });
});

it('parts of sources hold no more targets than they may, and every packet once', async () => {
  const rows = [...manyRows(20_000, { sources: 700, ports: 300 })];
  const sums = new Map<string, number>();
  let parts = 0;
  for await (const sources of bySource(rows, 1000)) {
    parts++;
    expect(sources.reduce((all, { targets }) => all + targets.size, 0)).toBeLessThanOrEqual(1000);
    expect(new Set(sources.map(({ source }) => source)).size).toBe(sources.length);
    for (const { source, targets, packets } of sources) {
      expect([...targets.values()].reduce((all, target) => all + target.packets, 0)).toBe(packets);
      for (const { port, packets } of targets.values())
        sums.set(`${source} ${port}`, (sums.get(`${source} ${port}`) ?? 0) + packets);
    }
  }
  const keyOf = ({ source, port }: Row) => `${source} ${port}`;
  const counts = Map.groupBy(rows.flat(), keyOf);
  expect(parts).toBeGreaterThan(10);
  expect(sums).toEqual(new Map([...counts].map(([key, list]) => [key, list.length])));
});
