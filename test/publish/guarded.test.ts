/** What the public's rule of sensors and organisations lets through, against a recount cell by cell. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { guardedCells, type SensorCell } from '../../collector/publish/roles/guarded.ts';

const small = fc.integer({ min: 0, max: 4 });
/** By sensor: who owns it, if anybody, and what it counted, a row a cell. */
const sensors = fc.array(
  fc.record({
    owner: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
    rows: fc.uniqueArray(fc.record({ a: small, b: small, packets: fc.integer({ min: 0, max: 9 }) }), {
      selector: ({ a, b }) => `${a} ${b}`,
      maxLength: 6,
    }),
  }),
  { maxLength: 9 },
);

test('a cell is told if enough sensors of enough owners counted it, none for more than the last of these', () => {
  const property = fc.property(sensors, small, small, (list, sensorsMin, ownersMin) => {
    const parts = new Map(list.map(({ rows }, sensor) => [sensor, rows as SensorCell[]]));
    const told = guardedCells(parts, sensor => list[sensor]!.owner, { sensorsMin, ownersMin });
    const expected = [];
    for (let a = 0; a <= 4; a++)
      for (let b = 0; b <= 4; b++) {
        const having = list.flatMap(({ owner, rows }) =>
          rows
            .filter(row => owner !== undefined && row.a === a && row.b === b && row.packets > 0)
            .map(row => ({ owner, ...row })),
        );
        const packets = having.map(row => row.packets).sort((x, y) => y - x);
        const least = packets[Math.max(1, sensorsMin) - 1];
        if (least === undefined || new Set(having.map(({ owner }) => owner)).size < ownersMin) continue;
        expected.push({ a, b, packets: packets.reduce((sum, one) => sum + Math.min(one, least), 0) });
      }
    expect(told.toSorted((x, y) => x.a - y.a || x.b - y.b)).toEqual(expected);
  });
  fc.assert(property, { numRuns: 1000 });
});

test('five sensors of two organisations are not five of three', () => {
  const parts = new Map([0, 1, 2, 3, 4].map(sensor => [sensor, [{ a: 23, b: 0, packets: 7 }]]));
  const toldOf = (owners: number) =>
    guardedCells(parts, sensor => `owner ${sensor % owners}`, { sensorsMin: 5, ownersMin: 3 });
  expect([toldOf(2), toldOf(3)]).toEqual([[], [{ a: 23, b: 0, packets: 35 }]]);
});
