/** From which ASes the packets to each port of a closed day came, against Maps of the records that went into the log. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROW_TABLES } from '../../collector/reduce/rows.ts';
import { CLOSING } from '../../collector/store/closing.ts';
import { portsWithin } from '../../collector/store/count-asns.ts';
import { LoggedGeographies } from '../../collector/store/geography.ts';
import { PendingAsns } from '../../collector/store/pending-asns.ts';
import { readPortAsns } from '../../collector/store/port-asns.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { openStoreFile } from '../../collector/store/schema.ts';
import { Tail } from '../../collector/store/tail.ts';
import { hasType, type PlainRecord, record, seeded } from '../support/records.ts';
import { blocksOf, FIRST_DAY, HASH_KEY, RECEIVED_MS, SealedLog } from '../support/sealed-log.ts';

const DAY_MS = 86_400_000;
/** ASes by the first byte of an IPv4 source, or the first word of an IPv6 one; an ASN above 2^31 among them. */
const ASES: readonly (readonly [cidr: string, asn: number])[] = [
  ['1.0.0.0/8', 64496],
  ['45.0.0.0/8', 4_200_000_001],
  ['127.0.0.0/8', 64497],
  ['2001:db8::/32', 64496],
];
const asnOf = ({ src }: PlainRecord): number => {
  if (src.length === 4) return src[0] === 0x20010db8 ? 64496 : 0;
  return ({ 1: 64496, 45: 4_200_000_001, 127: 64497 } as Record<number, number>)[src[0]! >>> 24] ?? 0;
};
const targetOf = ({ protocol, srcPort, dstPort }: PlainRecord): number =>
  protocol * 65_536 + (hasType(protocol) ? 256 * srcPort : 0) + dstPort;

/** `target asn` and packets, as the records say. */
function counted(list: readonly PlainRecord[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of list) {
    const name = `${targetOf(one)} ${asnOf(one)}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

let made: SealedLog;
beforeEach(() => {
  made = new SealedLog();
  made.useAsns(ASES);
});
afterEach(() => made.remove());

/** Records of one day and three sensors. */
const dayOf = (seed: number): PlainRecord[] =>
  fc
    .sample(record, { seed, numRuns: 400 })
    .map((one, n) => ({ ...one, sensor: n % 3, hour: 24 * FIRST_DAY + (one.hour % 24) }));

function withTail<T>(use: (tail: Tail, ms: { now: number }, said: string[]) => T): T {
  const ms = { now: RECEIVED_MS };
  const said: string[] = [];
  const reader = made.reader();
  const tail = new Tail({
    ...{ reader, file: made.data.store, geoDir: made.data.geo, hashKey: HASH_KEY },
    ...{ exclusions: () => made.registry.exclusions(), checkpointMs: 0, closing: CLOSING },
    ...{ now: () => ms.now, say: text => said.push(text) },
  });
  try {
    return use(tail, ms, said);
  } finally {
    tail.close();
    reader.close();
  }
}

/** Until nothing is left to do. */
function follow(tail: Tail): void {
  while (tail.step());
}

function kept(): Record<string, number> | undefined {
  const store = StoreReader.open(made.data.store);
  try {
    const [head] = store.daysWithRecords({ from: FIRST_DAY, to: FIRST_DAY });
    const rows = readPortAsns(store.database, head!);
    return rows && Object.fromEntries(rows.map(({ a, b, packets }) => [`${a} ${b}`, packets]));
  } finally {
    store.close();
  }
}

test('of a closed day they are counted, of an open one not; a late batch has them counted again', () => {
  const list = dayOf(1);
  const late = dayOf(2).slice(0, 50);
  made.append(...blocksOf(list, 1));
  withTail((tail, ms) => {
    follow(tail);
    expect(kept()).toBeUndefined();
    ms.now += 2 * DAY_MS;
    follow(tail);
    expect(kept()).toEqual(counted(list));
    made.append(...blocksOf(late, 2).map(spec => ({ ...spec, receivedMs: ms.now })));
    follow(tail);
    expect(kept()).toBeUndefined();
    ms.now += DAY_MS;
    follow(tail);
    expect(kept()).toEqual(counted([...list, ...late]));
  });
  expect(made.recount().differences).toEqual([]);
});

test('one port is read alone, most packets first; a port without packets has none', () => {
  const list = dayOf(3);
  made.append(...blocksOf(list, 3));
  withTail((tail, ms) => {
    ms.now += 2 * DAY_MS;
    follow(tail);
  });
  const store = StoreReader.open(made.data.store);
  const [head] = store.daysWithRecords({ from: FIRST_DAY, to: FIRST_DAY });
  for (const target of new Set(list.map(targetOf))) {
    const rows = readPortAsns(store.database, head!, target)!;
    expect(rows.map(({ a }) => a)).toEqual(rows.map(() => target));
    expect(rows.map(({ packets }) => packets)).toEqual(rows.map(({ packets }) => packets).sort((x, y) => y - x));
    const expected = counted(list.filter(one => targetOf(one) === target));
    expect(Object.fromEntries(rows.map(({ a, b, packets }) => [`${a} ${b}`, packets]))).toEqual(expected);
  }
  expect(readPortAsns(store.database, head!, 6 * 65_536 + 9)).toBeUndefined();
  store.close();
});

test('a sensor that is excluded, and a misdated batch, are in no figure', () => {
  const list = dayOf(4);
  made.append(...blocksOf(list, 4));
  made.append({ ...blocksOf(dayOf(5), 5)[0]!, clockOffsetMs: 3 * DAY_MS });
  made.registry.exclude('s1', FIRST_DAY, FIRST_DAY, 'flooded', RECEIVED_MS);
  withTail((tail, ms) => {
    ms.now += 2 * DAY_MS;
    follow(tail);
  });
  expect(kept()).toEqual(counted(list.filter(({ sensor }) => sensor !== 1)));
  expect(made.recount().differences).toEqual([]);
});

test('a recount finds a figure that was changed, and one that is gone', () => {
  made.append(...blocksOf(dayOf(6), 6));
  withTail((tail, ms) => {
    ms.now += 2 * DAY_MS;
    follow(tail);
  });
  expect(made.recount().differences).toEqual([]);
  const database = new Database(made.data.store);
  const [first] = database.prepare('SELECT part, bytes FROM port_asns ORDER BY part').all() as [
    { part: number; bytes: Buffer },
  ];
  first.bytes[first.bytes.length - 1]! ^= 1; // the packets of its last row
  database.prepare('UPDATE port_asns SET bytes = ? WHERE part = ?').run(first.bytes, first.part);
  expect(made.recount().differences).toMatchObject([{ what: expect.stringMatching(/^closed portAsns .* AS\d+$/) }]);
  database.prepare('DELETE FROM port_asns').run();
  database.close();
  expect(made.recount().differences).toEqual([]); // not counted, and said so
});

test('ports are counted from the busiest on, as far as their sources and the ASes allow', () => {
  const random = seeded(7);
  const ports = Array.from({ length: 50 }, (_, a) => {
    const sources = 1 + random(40);
    return { a, b: 0, packets: 1000 - a, sources, scanningSources: sources };
  });
  const pairsOf = (n: number) => ports.slice(0, n).reduce((sum, { sources }) => sum + Math.min(sources, 10), 0);
  for (const most of [0, 5, 10, 100, 300, 1e9]) {
    const { length } = portsWithin(ports, 10, most);
    expect(pairsOf(length)).toBeLessThanOrEqual(most);
    if (length < ports.length) expect(pairsOf(length + 1)).toBeGreaterThan(most);
  }
});

describe('a day that cannot be counted', () => {
  const forget = (sql = '') => {
    const database = new Database(made.data.store);
    database.exec(`DELETE FROM port_asns; ${sql}`);
    database.close();
  };
  const counted = () => {
    made.append(...blocksOf(dayOf(8), 8));
    withTail((tail, ms) => {
      ms.now += 2 * DAY_MS;
      follow(tail);
    });
    expect(kept()).toBeDefined();
  };

  test.each([
    ['a database that is gone', () => rmSync(path.join(made.data.geo, 'asn.mmdb')), ''],
    ['rows that are damaged', () => {}, `UPDATE rows SET bytes = x'ff' WHERE name = ${ROW_TABLES.indexOf('ports')}`],
  ])('for %s is told, and counting goes on', (_, remove, sql) => {
    counted();
    remove();
    forget(sql);
    withTail((tail, ms, said) => {
      ms.now += 2 * DAY_MS;
      follow(tail);
      expect(said).toEqual([expect.stringMatching(/^of \d{4}-\d\d-\d\d no AS is told of a port: /)]);
    });
    expect(kept()).toBeUndefined();
  });

  test('since it was opened again is dropped without a word', () => {
    counted();
    forget();
    const reader = made.reader();
    const database = openStoreFile(made.data.store, false);
    const said: string[] = [];
    const pending = new PendingAsns({
      ...{ reader, database, say: text => said.push(text), now: () => RECEIVED_MS },
      geographies: new LoggedGeographies(made.data.geo, () => reader.geoEntries()),
    });
    pending.look();
    made.append(...blocksOf(dayOf(9), 9));
    database.prepare('UPDATE days SET revision = 2, closed_ms = NULL').run();
    expect([pending.step(made.log.head()), said, kept()]).toEqual([false, [], undefined]);
    database.close();
    reader.close();
  });
});
