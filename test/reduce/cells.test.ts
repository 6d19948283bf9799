import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CellTable, LaterSources, Rows } from '../../collector/reduce/cells.ts';
import { CELL_SETS, DAY_SETS, type Day } from '../../collector/reduce/day.ts';
import { Reducer } from '../../collector/reduce/reducer.ts';
import { foldAll, GEO, HASH_KEY, newReducer, records, seeded } from '../support/records.ts';

type Name = readonly [a: number, b: number];
/** Packets and sensors by name. */
type Cells = Map<string, { packets: number; sensors: number[] }>;

/** What a table has, sensors from their bits; fails if it has a cell twice. */
function cellsOf(table: CellTable): Cells {
  const cells: Cells = new Map();
  const sensorsEnd = 32 * table.sensorWordsUsed();
  for (let n = 0; n < table.size; n++) {
    const sensors: number[] = [];
    for (let sensor = 0; sensor < sensorsEnd; sensor++)
      if ((table.sensorBits(n, sensor >>> 5) >>> (sensor & 31)) & 1) sensors.push(sensor);
    cells.set(`${table.nameA(n)} ${table.nameB(n)}`, { packets: table.packets(n), sensors });
  }
  expect(cells.size).toBe(table.size);
  return cells;
}

const countMany = (table: CellTable, names: readonly Name[], sensor: number): void => {
  const [a, b] = [names.map(name => name[0]), names.map(name => name[1])];
  const scratch = () => new Int32Array(names.length);
  table.countMany(Int32Array.from(a), Int32Array.from(b), names.length, sensor, scratch(), scratch());
};

/** The same by a Map. */
function countIn(cells: Cells, names: readonly Name[], sensor: number): void {
  for (const [a, b] of names) {
    const key = `${a} ${b}`;
    const { packets, sensors } = cells.get(key) ?? { packets: 0, sensors: [] };
    cells.set(key, { packets: packets + 1, sensors: [...new Set([...sensors, sensor])].sort((x, y) => x - y) });
  }
}

/** Of protocol 0 without a country, and of TCP/23 from Japan. */
const ZERO: Name = [0, 0];
const TELNET: Name = [0x060017, 2];

describe('many packets counted at once', () => {
  test.each<{ names: Name[] }>([
    { names: [ZERO] },
    { names: [ZERO, ZERO, TELNET] },
    { names: [TELNET, ZERO, ZERO] },
    { names: [TELNET, TELNET, TELNET] },
    { names: [] },
  ])('in an empty table are in cells of their names: $names', ({ names }) => {
    const table = new CellTable(CELL_SETS);
    const expected: Cells = new Map();
    for (let again = 0; again < 2; again++) {
      countMany(table, names, 0);
      countIn(expected, names, 0);
      expect(cellsOf(table)).toEqual(expected);
    }
  });

  test('are counted as one by one, however many names, and sensors that widen the rows', () => {
    const random = seeded(5);
    const [many, single] = [new CellTable(CELL_SETS), new CellTable(CELL_SETS)];
    const expected: Cells = new Map();
    for (const [range, sensor] of [
      [3, 0],
      [20, 31],
      [4000, 63],
      [4000, 64],
      [10, 300],
      [20_000, 65],
    ] as const) {
      const names = Array.from({ length: 2000 }, () => [random(range) - 1, random(3)] as const);
      countMany(many, names, sensor);
      for (const [a, b] of names) single.count(a, b, 1, sensor);
      countIn(expected, names, sensor);
    }
    expect(cellsOf(many)).toEqual(expected);
    expect(cellsOf(single)).toEqual(expected);
  });
});

describe('rows by numbers', () => {
  test('are those of the cells, forgotten and found again, in a table that was not empty', () => {
    const random = seeded(6);
    const table = new CellTable(CELL_SETS);
    const expected: Cells = new Map();
    const count = (names: readonly Name[]) => countIn(expected, names, 1);
    for (let a = 0; a < 10; a += 3) {
      table.count(a, 0, 1, 1);
      count([[a, 0]]);
    }
    const rows = new Rows(table, 40);
    for (let turn = 0; turn < 300; turn++) {
      // The numbers stand for cells of the turn; those of ten turns ago come again.
      for (let i = 0; i < 50; i++) {
        const name = [turn % 10, random(40)] as const;
        table.countAt(rows.of(name[1], ...name), 1, 1);
        count([name]);
      }
      rows.forget();
    }
    expect(cellsOf(table)).toEqual(expected);
  });

  test('are those of new cells in a table that was empty', () => {
    const table = new CellTable(CELL_SETS);
    table.makeRoom(33);
    const expected: Cells = new Map();
    const rows = new Rows(table, 3);
    for (let turn = 0; turn < 200; turn++) {
      for (const number of [2, 0, 2, turn % 3]) {
        table.countAt(rows.of(number, turn, number), 1, 33);
        countIn(expected, [[turn, number]], 33);
      }
      rows.forget();
    }
    expect(cellsOf(table)).toEqual(expected);
    countMany(table, [[199, 2]], 33);
    countIn(expected, [[199, 2]], 33);
    expect(cellsOf(table)).toEqual(expected);
  });
});

describe('sources entered later', () => {
  test.each([0, 1, 1023, 1024, 1025, 3000])('are all in their cells: %i of them', count => {
    const table = new CellTable(DAY_SETS);
    const later = new LaterSources(table);
    const rows = [0, 1, 2].map(a => table.count(a, 0, 1, 0));
    for (let i = 0; i < count; i++) {
      later.add(rows[i % 3]!, 1, 7 * i);
      later.add(rows[0]!, 1, 7 * i);
    }
    later.flush();
    later.flush();
    const inRow = (row: number) => Math.floor((count + 2 - row) / 3);
    expect(rows.map((_, n) => table.sources(n))).toEqual([count, inRow(1), inRow(2)]);
  });

  test('are in theirs though the table grew meanwhile', () => {
    const table = new CellTable(DAY_SETS);
    const later = new LaterSources(table);
    for (let a = 0; a < 700; a++) {
      const row = table.count(a, 0, 1, 0);
      for (let source = 0; source <= a % 3; source++) later.add(row, 1, source);
    }
    later.flush();
    for (let a = 0; a < 700; a++) expect([a, table.sources(a)]).toEqual([a, 1 + (a % 3)]);
  });
});

test('packets of ports, hours and countries are the same without distinct sources', () => {
  const tables = ({ tables: { ports, portHours, portCountries } }: Day) =>
    [ports, portHours, portCountries].map(cellsOf);
  // Used again for every run: their memory takes longer to make than a run.
  const reducers = [newReducer(), new Reducer({ geo: GEO, hashKey: HASH_KEY, tableSeed: 1, distinct: false })];
  fc.assert(
    fc.property(records, fc.nat(), (list, seed) => {
      const [all, without] = reducers.map(reducer => {
        foldAll(reducer, list, seeded(seed));
        return reducer.takeDays().map(day => [day.day, ...tables(day)]);
      });
      expect(without).toEqual(all);
    }),
    { numRuns: 200 },
  );
});
