/** Open days are told at once, whatever their size, while batches come: as they truly were at the moment that they say. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ROW_TABLES } from '../../collector/reduce/rows.ts';
import { CLOSING } from '../../collector/store/closing.ts';
import { startFolding } from '../../collector/store/folding.ts';
import { isOfDay, type MadeDay, madePorts, madeRows } from '../../collector/store/made-day.ts';
import { keptMade } from '../../collector/store/made-file.ts';
import { type MadeRanks, OpenDays, type OpenDaysOptions } from '../../collector/store/open-days.ts';
import { periodOf } from '../../collector/store/periods.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { Renewal } from '../../collector/store/renewal.ts';
import { rankedRows, topOfPeriod } from '../../collector/store/rollup.ts';
import { createRecords, type Records } from '../../common/record/record.ts';
import { DAY_MS } from '../../common/time.ts';
import { seeded } from '../support/records.ts';
import { HASH_KEY, SealedLog } from '../support/sealed-log.ts';

const DAY = Math.floor(Date.now() / DAY_MS);
const TCP = 6;
const checkpointMs = 200;
/** Of processor time, so that a machine with other work does not fail it. */
const answerMsMax = 100;
const freshMsMax = 5000;
/** As many times the day is made while it is asked. */
const momentsMin = 3;

/** Each record of another source, and most of other ports. */
function scattered(count: number, seed: number, day: number): Records {
  const random = seeded(seed);
  const records = createRecords(4, count);
  Object.assign(records, { hour: 24 * day, count });
  records.dst.fill(0xc6330001);
  records.protocol.fill(TCP);
  records.flags.fill(2);
  for (let i = 0; i < count; i++) {
    records.src[i] = 0x01000000 + random(0x70000000);
    records.time[i] = i * 1000;
    records.dstPort[i] = random(20_000);
  }
  return records;
}

interface Counted {
  readonly packets: Map<number, number>;
  readonly sources: Map<number, Set<number>>;
}

/** Packets and sources of each port in the batches up to a position, from the records alone. */
function countedTo(batches: readonly { readonly position: number; readonly records: Records }[], to: number): Counted {
  const counted: Counted = { packets: new Map(), sources: new Map() };
  for (const { records } of batches.filter(({ position }) => position <= to))
    for (let i = 0; i < records.count; i++) {
      const port = records.dstPort[i]!;
      counted.packets.set(port, (counted.packets.get(port) ?? 0) + 1);
      counted.sources.set(port, (counted.sources.get(port) ?? new Set()).add(records.src[i]!));
    }
  return counted;
}

let made: SealedLog;
let file: string;
const failures: unknown[] = [];
const batches: { position: number; records: Records; receivedMs: number }[] = [];
const folding = () =>
  startFolding({ data: made.data, hashKey: HASH_KEY, checkpointMs, closing: { ...CLOSING, graceMs: 400 * DAY_MS } });

function send(count: number, day = DAY): void {
  const records = scattered(count, batches.length, day);
  const receivedMs = Date.now();
  made.append({ sensor: batches.length % 3, records, receivedMs });
  batches.push({ position: made.log.head(), records, receivedMs });
}

const aside = (sizes: OpenDaysOptions = {}): StoreReader =>
  StoreReader.open(made.data.store, { aside: true, before: keptMade(file), ...sizes });
/** Ended with its test: a thread that still runs is told nobody. */
function renewal(store: StoreReader): Renewal {
  const renewed = new Renewal(store, { file, restTimes: 1, failed: error => failures.push(error) });
  onTestFinished(() => renewed.close());
  return renewed;
}

beforeEach(() => {
  made = new SealedLog();
  file = `${made.data.store}.made`;
  batches.length = 0;
});
afterEach(() => {
  expect(failures).toEqual([]);
  made.remove();
});

async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(20);
}

describe('a large open day', { timeout: 120_000 }, () => {
  it('is told at once while batches come, as it was at the position it says, and never goes back', async () => {
    send(40_000);
    const folded = folding();
    await until(() => folded.progress().position === made.log.head());
    const store = aside();
    const renewed = renewal(store);
    renewed.turn();
    expect(() => store.rows(DAY)).toThrow('is being read'); // nothing of it was made before
    await until(() => store.openDay(DAY) !== undefined);

    const told: MadeDay[] = [];
    const tookMs: number[] = [];
    const moments = () => new Set(told.map(({ position }) => position)).size;
    for (; moments() < momentsMin || tookMs.length < 60; await sleep(25)) {
      if (told.length % 8 === 0) send(500);
      renewed.turn();
      const before = process.threadCpuUsage();
      const day = store.openDay(DAY)!;
      const [total] = store.rows(DAY)!.rows('total');
      const ports = store.rows(DAY)!.rows('ports');
      const { user, system } = process.threadCpuUsage(before);
      tookMs.push((user + system) / 1000);
      expect(ports.reduce((sum, { packets }) => sum + packets, 0)).toBe(total!.packets);
      told.push(day);
    }
    await folded.stop();
    store.close();

    expect(tookMs.sort((x, y) => x - y)[Math.floor(0.99 * tookMs.length)]).toBeLessThan(answerMsMax);
    expect(told.map(({ position }) => position)).toEqual(told.map(({ position }) => position).sort((x, y) => x - y));
    const distinct = [...new Map(told.map(day => [day.position, day])).values()];
    for (const day of distinct) expectTrue(day);
  });

  it('is there at once when the collector starts again, and a damaged file only takes time', async () => {
    send(30_000);
    const folded = folding();
    await until(() => folded.progress().position === made.log.head());
    const before = aside();
    renewal(before).turn();
    await until(() => keptMade(file).length > 0);
    before.close();
    send(1000);
    await until(() => folded.progress().position === made.log.head());
    await folded.stop();

    const again = aside();
    const day = again.openDay(DAY)!;
    expect([day.position, day.untilMs]).toEqual([batches[0]!.position, batches[0]!.receivedMs]);
    expectTrue(day);
    again.close();
    const { openSync, writeSync, closeSync } = await import('node:fs');
    const handle = openSync(file, 'r+');
    writeSync(handle, Buffer.from([1, 2, 3, 4]), 0, 4, 5000);
    closeSync(handle);
    expect(keptMade(file)).toEqual([]);
    const later = aside();
    expect(later.openDay(DAY)).toBeUndefined();
    renewal(later).turn();
    await until(() => later.openDay(DAY) !== undefined);
    expect(later.openDay(DAY)!.position).toBe(batches[1]!.position);
    later.close();
  });
});

it('a small open day is told with what came less than five seconds ago', async () => {
  send(100);
  const folded = folding();
  await until(() => folded.progress().position === made.log.head());
  const store = aside();
  const renewed = renewal(store);
  for (let n = 0; n < 8; n++) {
    send(50);
    const { position, receivedMs } = batches.at(-1)!;
    await until(() => {
      renewed.turn();
      return store.openDay(DAY)!.position >= position;
    });
    expect(Date.now() - receivedMs).toBeLessThan(freshMsMax);
    expectTrue(store.openDay(DAY)!);
  }
  expect(keptMade(file)).toEqual([]); // no thread was needed
  await folded.stop();
  store.close();
});

describe('many large open days', { timeout: 120_000 }, () => {
  const days = Array.from({ length: 20 }, (_, n) => DAY - 19 + n);
  const large = { smallBytesMax: 0 };

  async function fold(): Promise<void> {
    const folded = folding();
    await until(() => folded.progress().position === made.log.head());
    await folded.stop();
  }

  it('are all made, and told with their packets', async () => {
    for (const [n, day] of days.entries()) send(200 + n, day);
    await fold();
    const store = aside(large);
    const renewed = renewal(store);
    await until(() => {
      renewed.turn();
      return days.every(day => store.openDay(day) !== undefined);
    });
    expect(days.map(day => store.openDay(day)!.packets)).toEqual(days.map((_, n) => 200 + n));
    store.close();
  });

  it('beyond what is kept are made when they are asked for, though the thread would rest', async () => {
    for (const day of days) send(200, day);
    await fold();
    const store = aside({ ...large, keptBytesMax: 1 });
    const renewed = new Renewal(store, { file, restTimes: 1e6, failed: error => failures.push(error) });
    onTestFinished(() => renewed.close());
    const turnUntil = (day: number, packets: number) =>
      until(() => {
        renewed.turn();
        return store.openDay(day)?.packets === packets;
      });
    for (const day of [DAY, DAY - 7, DAY - 19, DAY]) await turnUntil(day, 200);
    send(100);
    await fold();
    await turnUntil(DAY, 300); // and rests now
    await turnUntil(DAY - 3, 200);
    expect(store.openDay(DAY - 7)).toBeUndefined(); // one is kept, and one beside it
    store.close();
  });

  it('are ranked as they are told: once more when more is told', async () => {
    send(300);
    await fold();
    const store = aside(large);
    const renewed = renewal(store);
    const [week, packets] = [periodOf('week', DAY), () => store.openDay(DAY)?.packets];
    const ranked = () => rankedRows(store, week, 'ports').reduce((sum, row) => sum + row.packets, 0);
    const turnUntil = (count: number) =>
      until(() => {
        renewed.turn();
        return packets() === count;
      });
    await turnUntil(300);
    send(100);
    await fold();
    expect([packets(), store.told(DAY)!.packets, ranked(), ranked()]).toEqual([300, 300, 300, 300]);
    expect(store.told(DAY)!.untilMs).toBe(batches[0]!.receivedMs);
    expect(topOfPeriod(store, week, 'ports', 10)).toMatchObject({ packets: 300, rows: { length: 10 } });
    await turnUntil(400);
    expect([store.told(DAY)!.packets, ranked()]).toEqual([400, 400]);
    expect(store.told(DAY)!.untilMs).toBe(batches[1]!.receivedMs);
    store.close();
  });
});

it('what is made after the end is told nobody', async () => {
  send(30_000);
  const folded = folding();
  await until(() => folded.progress().position === made.log.head());
  await folded.stop();
  const store = aside();
  const renewed = renewal(store);
  renewed.turn();
  renewed.close();
  await sleep(1500);
  expect([store.openDay(DAY), keptMade(file)]).toEqual([undefined, []]);
  store.close();
});

/** Against the records up to its position. */
function expectTrue(day: MadeDay): void {
  const { packets, sources } = countedTo(batches, day.position);
  const rows = madeRows(day);
  const expected = [...packets].map(([port, count]) => [port, count, sources.get(port)!.size]);
  const byPort = (x: readonly number[], y: readonly number[]) => x[0]! - y[0]!;
  const ports = rows.rows('ports').map(row => [row.a & 0xffff, row.packets, row.sources]);
  expect(ports.sort(byPort)).toEqual(expected.sort(byPort));
  const last = batches.findLast(({ position }) => position <= day.position)!;
  expect(day.untilMs).toBe(last.receivedMs);
  const [port, count] = expected[0]!;
  expect(rows.rows('ports', (TCP << 16) | port!)).toMatchObject([{ packets: count }]);
  const ofSensors = [0, 1, 2].flatMap(sensor => madePorts(day, sensor, (TCP << 16) | port!));
  const isCut = [0, 1, 2].some(sensor => madePorts(day, sensor).length === 1000); // a sensor's busiest
  if (!isCut) expect(ofSensors.reduce((sum, one) => sum + one.packets, 0)).toBe(count);
}

describe('what is kept of days', () => {
  const none = { firsts: new Uint32Array(), ends: new Uint32Array(), bytes: new Uint8Array() };
  const madeOf = (day: number, bytes: number): MadeDay => ({
    ...{ day, revision: 1, by: 'a log', packets: 10, position: 1, untilMs: 1, level: 0 },
    tables: Object.fromEntries(ROW_TABLES.map(name => [name, none])) as unknown as MadeDay['tables'],
    ...{ sensorPorts: new Map(), sensorSources: new Map(), topSources: [] },
    sets: { total: new Uint8Array(bytes), countries: new Uint8Array(), ports: new Uint8Array() },
  });
  const now = (day: number, bytes = 1000) => ({ day, revision: 1, by: 'a log', packets: 10, bytes });
  const nobody = (): never => expect.fail('nobody is to make it here');
  const kept = (days: OpenDays) => days.all().flatMap(one => (one.kind === 'day' ? one.day.day : []));
  const sizes = { aside: true, smallBytesMax: 500, keptBytesMax: 3000 };

  it('is as many as have room; another takes the place of the one that nobody asks for, once it is asked for', () => {
    const days = new OpenDays(sizes);
    for (let day = 30; day > 0; day--) days.keep({ kind: 'day', day: madeOf(day, 1000) });
    expect(kept(days)).toEqual([30, 29, 28]);
    expect([27, 28].map(day => days.hasPlace({ day }))).toEqual([false, true]);
    expect(days.day(now(30), nobody)).toBeDefined();
    expect(days.day(now(27), nobody)).toBeUndefined();
    expect(days.hasPlace({ day: 27 })).toBe(true);
    days.keep({ kind: 'day', day: madeOf(27, 1000) });
    expect(kept(days)).toEqual([28, 30, 27]);
  });

  it('is not less for many small ones', () => {
    const days = new OpenDays({ ...sizes, before: [{ kind: 'day', day: madeOf(100, 1000) }] });
    for (let day = 1; day < 60; day++) expect(days.day(now(day, 10), () => madeOf(day, 10))!.day).toBe(day);
    expect(days.day(now(100), nobody)).toBeDefined();
  });

  it('has no day that is closed or another', () => {
    const days = new OpenDays(sizes);
    for (const day of [1, 2, 3]) days.keep({ kind: 'day', day: madeOf(day, 1000) });
    days.day(now(4), nobody);
    days.keepOnly([now(1), { ...now(2), revision: 2 }]);
    expect(kept(days)).toEqual([1]);
    for (const day of [5, 6]) days.keep({ kind: 'day', day: madeOf(day, 1000) });
    expect([kept(days), days.hasPlace({ day: 4 })]).toEqual([[1, 5, 6], false]);
  });
});

describe('what was made', () => {
  const day = { day: 1, revision: 1, by: 'a log', packets: 10 };
  const ranks = (days: readonly (typeof day)[]): MadeRanks => ({
    ...{ name: 'week', days, bytes: new Uint8Array(days.length) },
  });
  const elsewhere = (): never => expect.fail('nobody is to make it here');

  it('is told no more once the day is another: by revision, by log, or with fewer packets', () => {
    expect(isOfDay(day, { ...day, packets: 11 })).toBe(true);
    for (const other of [{ revision: 2 }, { by: 'another' }, { packets: 9 }])
      expect(isOfDay(day, { ...day, ...other })).toBe(false);
  });

  it('of a long period is told while days are added, and not once a day of it was revised', () => {
    const long = Array.from({ length: 40 }, (_, n) => ({ ...day, day: n, packets: 1e6 }));
    const made = new OpenDays({ aside: true });
    expect(made.ranks('week', long, elsewhere)).toBeUndefined();
    made.keep({ kind: 'ranks', ranks: ranks(long) });
    expect(made.ranks('week', [...long, { ...day, day: 99 }], elsewhere)).toEqual(new Uint8Array(40));
    expect(made.ranks('week', [{ ...long[0]!, revision: 2 }, ...long.slice(1)], elsewhere)).toBeUndefined();
    expect(new OpenDays().ranks('week', long, () => ranks(long))).toEqual(new Uint8Array(40)); // whoever asks makes it
  });

  it('of a short period is made again whenever it has grown, and only then', () => {
    const made = new OpenDays({ aside: true, before: [{ kind: 'ranks', ranks: ranks([day]) }] });
    expect(made.ranks('week', [day], elsewhere)).toEqual(new Uint8Array(1));
    const grown = [
      { ...day, packets: 11 },
      { ...day, day: 2 },
    ];
    expect(made.ranks('week', grown, () => ranks(grown))).toEqual(new Uint8Array(2));
    expect(made.ranks('week', grown, elsewhere)).toEqual(new Uint8Array(2));
  });
});
