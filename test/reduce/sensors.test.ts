/** What is counted of each sensor alone, against a reducer that was fed with that sensor alone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDay, encodeDay } from '../../collector/reduce/codec.ts';
import type { Day } from '../../collector/reduce/day.ts';
import { Reducer } from '../../collector/reduce/reducer.ts';
import { type DayRows, dayRows, SENSOR_ROW_TABLES, sensorRows } from '../../collector/reduce/rows.ts';
import { sourcesMaxDefault } from '../../collector/reduce/sources.ts';
import { burst, foldAll, GEO, HASH_KEY, manySources, type PlainRecord, records, seeded } from '../support/records.ts';

function days(list: readonly PlainRecord[], perSensor: boolean, random?: (limit: number) => number): Day[] {
  const reducer = new Reducer({ geo: GEO, hashKey: HASH_KEY, tableSeed: 1, perSensor });
  foldAll(reducer, list, random);
  return reducer.days();
}

const plain = (day: DayRows) => Object.fromEntries(SENSOR_ROW_TABLES.map(table => [table, day.rows(table)]));

/** Exact in every set: 200 sources at the most. */
const traffic = fc.tuple(records, fc.array(burst(1, 20, 200), { maxLength: 1 }), fc.nat());
const listOf = ([few, bursts]: [PlainRecord[], Parameters<typeof manySources>[0][], number]) => [
  ...few,
  ...bursts.flatMap(manySources),
];

describe('the tables of each sensor', () => {
  test('are those of a reducer fed with that sensor alone, and of several those of one fed with them', () => {
    fc.assert(
      fc.property(traffic, some => {
        const list = listOf(some);
        const all = days(list, true, seeded(some[2]));
        const sensors = [...new Set(list.map(({ sensor }) => sensor))];
        for (const choice of [...sensors.map(sensor => [sensor]), sensors.slice(1)]) {
          const chosen = new Set(choice);
          const alone = days(
            list.filter(({ sensor }) => chosen.has(sensor)),
            false,
          );
          for (const day of all) {
            const expected = alone.find(one => one.day === day.day);
            const rows = plain(sensorRows(day, GEO, chosen));
            if (expected === undefined) expect(Object.values(rows).flat()).toEqual([]);
            else expect(rows).toEqual(plain(dayRows(expected, GEO)));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('change none of the others, and merge like them', () => {
    fc.assert(
      fc.property(traffic, some => {
        const list = listOf(some);
        const random = seeded(some[2]);
        const with_ = days(list, true);
        for (const [n, day] of days(list, false).entries())
          expect(plain(dayRows(with_[n]!, GEO))).toEqual(plain(dayRows(day, GEO)));
        const parts: [PlainRecord[], PlainRecord[]] = [[], []];
        for (const one of list) parts[random(2)]!.push(one);
        const merged = new Reducer({ geo: GEO, hashKey: HASH_KEY, tableSeed: 2, perSensor: true });
        for (const part of parts)
          for (const day of days(part, true)) merged.merge(decodeDay(encodeDay(day), sourcesMaxDefault));
        expect(
          merged.days().map(day => Buffer.compare(encodeDay(day), encodeDay(with_.find(one => one.day === day.day)!))),
        ).toEqual(with_.map(() => 0));
      }),
      { numRuns: 25 },
    );
  });
});

test('days that are taken are forgotten: the next ones begin anew', () => {
  const list = fc.sample(records, { numRuns: 20, seed: 4 }).flat();
  const reducer = new Reducer({ geo: GEO, hashKey: HASH_KEY, tableSeed: 1 });
  const encodings = [list, list].map(part => {
    foldAll(reducer, part);
    return reducer.takeDays().map(day => Buffer.from(encodeDay(day)).toString('latin1'));
  });
  expect(encodings[0]!.length).toBeGreaterThan(0);
  expect(encodings[1]!.every((bytes, n) => bytes === encodings[0]![n])).toBe(true);
  expect(reducer.days()).toEqual([]);
});
