/** Flows and packets by the hour are settled when there is no more room for them, too, in whatever order that comes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CellTable } from '../../collector/reduce/cells.ts';
import type { Day } from '../../collector/reduce/day.ts';
import { dayResult } from '../../collector/reduce/rows.ts';
import { createRecords, type Records } from '../../common/record/record.ts';
import { DAY, foldAll, GEO, newReducer, type PlainRecord, record, reduce, seeded } from '../support/records.ts';
import { type Recount, recount } from '../support/recount.ts';

type Settled = Pick<Recount, 'ports' | 'hours' | 'portHours' | 'portCountries' | 'portKinds' | 'countryHours'>;

function settled(day: Day): Settled {
  const { ports, hours, portHours, portCountries, portKinds, countryHours } = dayResult(day, GEO);
  return {
    ports,
    hours,
    portHours: portHours(),
    portCountries: portCountries(),
    portKinds: portKinds(),
    countryHours: countryHours(),
  };
}

function expectRecount(days: readonly Day[], list: readonly PlainRecord[]): void {
  expect(days.map(({ day }) => day)).toEqual([...new Set(list.map(one => Math.floor(one.hour / 24)))].sort());
  for (const day of days) {
    const { ports, hours, portHours, portCountries, portKinds, countryHours } = recount(day.day, list);
    expect(settled(day)).toEqual({ ports, hours, portHours, portCountries, portKinds, countryHours });
  }
}

const HOUR = 24 * DAY + 5;
const TELNET: PlainRecord = {
  sensor: 0,
  family: 4,
  hour: HOUR,
  time: 5,
  src: [0x01000001],
  dst: [0xc0000201],
  protocol: 6,
  srcPort: 1024,
  dstPort: 23,
  flags: 2,
  window: 1024,
  seqFold: 7,
  tool: 1,
};
/** A packet to TCP/`dstPort` from each of these sensors: flows are counted of 256 at a time, and one more has them settled. */
const toSensors = (from: number, to: number, dstPort: number, hour = HOUR): PlainRecord[] =>
  Array.from({ length: to - from }, (_, n) => ({ ...TELNET, hour, sensor: from + n, dstPort }));

describe('a target whose flows were settled before the hour was over', () => {
  /** Its packets wait for the end of the hour, when the only flows are of targets after, before or beside it. */
  test.each([{ others: [80] }, { others: [22] }, { others: [22, 80] }, { others: [22, 23, 80] }])(
    'has them all, if others are of $others',
    ({ others }) => {
      const before = [...toSensors(0, 3, 23), ...toSensors(1, 2, 23)];
      const other = (from: number, hour?: number) =>
        others.flatMap((port, n) => toSensors(from + n, from + 150, port, hour));
      const hourOf = [...before, ...other(3), ...other(160)];
      const again = [...toSensors(7, 9, 23, HOUR + 1), ...other(3, HOUR + 1), ...toSensors(250, 280, 23, HOUR)];
      for (const list of [hourOf, [...hourOf, ...again], [...hourOf, ...again, ...hourOf.toReversed()]])
        for (const random of [undefined, seeded(3)]) expectRecount(reduce(list, { random }), list);
    },
  );

  test('is in its row once, whenever days are asked for', () => {
    const list = [...toSensors(0, 3, 23), ...toSensors(0, 260, 80), ...toSensors(4, 6, 23, HOUR + 1)];
    const reducer = newReducer();
    for (const [n, one] of list.entries()) {
      foldAll(reducer, [one]);
      if (n % 61 === 0) expectRecount(reducer.days(), list.slice(0, n + 1));
    }
    expectRecount(reducer.days(), list);
  });
});

/** With days asked for in between, or not. */
const turnsOf = (random: (limit: number) => number) => (random(2) === 0 ? { random } : {});

test('records that go to and fro between two hours, many times, are each in theirs', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 2, maxLength: 12 }), fc.nat(), (list, seed) => {
      const random = seeded(seed);
      const toAndFro = Array.from({ length: 300 }, (_, turn) => {
        const one = list[random(list.length)]!;
        return { ...one, sensor: random(3), hour: HOUR + (turn % 2) };
      });
      expectRecount(reduce(toAndFro, turnsOf(random)), toAndFro);
    }),
    { numRuns: 12 },
  );
});

const PORTS = 65_536;

/** A SYN to each of these ports of one source. */
function toPorts(src: number, ports: readonly number[], hour: number): Records {
  const block = createRecords(4, ports.length);
  block.count = ports.length;
  block.hour = hour;
  block.src.fill(src);
  block.dst.fill(0xc0000201);
  block.protocol.fill(6);
  block.flags.fill(2);
  block.dstPort.set(ports);
  return block;
}
const allPorts = Array.from({ length: PORTS }, (_, port) => port);

/** By port and hour of the day: packets and sources; a cell that is none of sensor 0 is a mistake. */
const portHours = ({ tables: { portHours: table } }: Day): Map<string, string> =>
  new Map(
    cells(table).map(n => [`${table.nameA(n) & 0xffff} ${table.nameB(n)}`, `${table.packets(n)} ${table.sources(n)}`]),
  );
const cells = (table: CellTable): number[] =>
  Array.from({ length: table.size }, (_, n) => n).filter(n => table.sensorBits(n, 0) === 1);

/** `toEqual` of so many takes seconds. */
const same = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);

test('more packets by the hour than can wait are in their rows, and so are those after', () => {
  const reducer = newReducer();
  const blocks = [5, 6].map(hour => toPorts(0x01000001, allPorts, 24 * DAY + hour));
  // 20 turns of 2^16 targets, of which 2^20 wait at most; every other turn is of two packets each.
  for (let turn = 0; turn < 20; turn++)
    for (let again = 0; again <= turn % 2; again++) reducer.fold(blocks[turn % 2]!, 0);
  const [day] = reducer.days();
  const expected = allPorts.flatMap(port => [[`${port} 5`, '10 1'] as const, [`${port} 6`, '20 1'] as const]);
  expect(same(portHours(day!), new Map(expected))).toBe(true);
});

test('more flows than a table holds are settled within the hour', () => {
  const reducer = newReducer();
  // 2^20 flows are settled when the last of them come; of even ports none comes after.
  for (let source = 0; source < 16; source++) reducer.fold(toPorts(0x01000000 + source, allPorts, HOUR), 0);
  reducer.fold(
    toPorts(
      0x01000100,
      allPorts.filter(port => port % 2 === 1),
      HOUR,
    ),
    0,
  );
  const [day] = reducer.days();
  const expected = allPorts.map(port => [`${port} 5`, port % 2 === 1 ? '17 17' : '16 16'] as const);
  expect(same(portHours(day!), new Map(expected))).toBe(true);
});
