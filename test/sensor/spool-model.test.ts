/**
 * The spool's ledger against a model of a few Maps: what was sealed under each key and where it is. Sealing, shipping, lost
 * acknowledgements, batches in flight, conflicts, damage, kills, a full disk and a small bound come in any order; after each the
 * spool says what the model says. The model does not reckon which batches a bound pushes out: it sees which are gone, and holds
 * the rules of that against them (acknowledged ones first, then those put aside, then the oldest, none in flight, none without
 * need).
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ENTRY_BYTES } from '../../common/batch/format.ts';
import { openBatch } from '../../common/batch/open.ts';
import { isFull } from '../../common/sqlite/full.ts';
import { addCounters, NOTHING } from '../../sensor/spool/counters.ts';
import { ACKNOWLEDGED, QUARANTINED, WAITING } from '../../sensor/spool/schema.ts';
import { DiskFull, diskReserveBytes, Spool } from '../../sensor/spool/spool.ts';
import type { Waiting } from '../../sensor/spool/types.ts';
import { accountOf, BALANCED, balanceOf, draft, fillUp, HOUR, SPOOL_OPTIONS } from './support.ts';

/** So few that a run of seals fills it. */
const bytesMax = 3_000;
const keepMs = 1000;

const size = fc.nat(60);
const which = fc.nat(20);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('seal' as const),
      sizes: fc.array(size, { minLength: 1, maxLength: 2 }),
      skipped: fc.nat(3),
      kernelDrops: fc.nat(2),
      place: fc.option(fc.nat(9)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('take', 'acknowledge', 'reply lost'), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('conflict', 'malformed', 'damaged', 'requeue'), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('kill', 'restart', 'tell', 'release', 'later'), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('file full', 'disk full', 'room'), which }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Seal = Extract<Step, { kind: 'seal' }>;

interface Kept {
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly state: number;
  readonly records: number;
  readonly bytes: number;
  /** Ranges of lost batches that it tells. */
  readonly ranges: number;
}

const keyOf = ({ epoch, sequence }: Pick<Kept, 'epoch' | 'sequence'>) => `${epoch}/${sequence}`;

class Pair {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-spool-model-'));
  #file = path.join(this.folder, 'spool.db');
  #nowMs = 1e12;
  #free = 2 ** 40;
  spool = this.#open();
  #giveRoom: (() => void) | undefined;
  /** Of every key: its batch as the spool had it when it was last looked at; states of those that are gone stay. */
  #batches = new Map<string, Kept & { readonly gone: boolean }>();
  readonly #inFlight: Waiting[] = [];
  /** What the collector has, by key. */
  readonly #received = new Map<string, Waiting>();
  /** Keys whose records nobody has any more: dropped while they waited, or put aside. */
  readonly #lost = new Set<string>();
  /** The last sequence of each epoch. */
  readonly #given = new Map<number, number>();
  #seen = 0;
  #recorded = 0;
  #place: string | undefined;
  /** What the spool may hold: more than its bound only while batches are in flight, and from then on until the next is sealed. */
  #bytesMost = bytesMax;
  /** Ranges of lost batches that no batch told when it was last looked at. */
  #untold = 0;
  #files = 0;

  do(step: Step): void {
    const before = this.#rows();
    const expected = this.#state();
    try {
      if (step.kind === 'seal') this.#seal(step);
      else this.#act(step.kind, step.which);
    } catch (error) {
      if (!(error instanceof DiskFull) && !isFull(error)) throw error;
      expect(this.#giveRoom).toBeDefined();
      expect([this.#rows(), this.#state()]).toEqual([before, expected]); // all or nothing
    }
    this.#follow(step.kind, step.kind === 'seal' ? step.sizes : []);
    this.#check();
  }

  /** Ships what waits, lets everything be told, and holds the sum of all that the collector has against what was seen. */
  end(): void {
    this.#act('room', 0);
    for (const batch of this.#inFlight.splice(0)) this.spool.giveBack(batch.id);
    this.#shipAll();
    while (this.spool.tellPending({ hour: HOUR, from: 0, to: 0, historic: true })) this.#shipAll();
    this.#check();
    const headers = [...this.#received.values()]
      .filter(one => !this.#lost.has(keyOf(one))) // it came, but nobody here heard of it before it was dropped
      .map(({ wire }) => openBatch(wire));
    const told = headers.reduce((sum, { header }) => addCounters(sum, header.counters), NOTHING);
    const lost = told.lost.flatMap(({ epoch, from, to }) =>
      Array.from({ length: to - from + 1 }, (_, n) => keyOf({ epoch, sequence: from + n })),
    );
    expect(told.seen).toBe(this.#seen);
    expect(lost.toSorted()).toEqual([...this.#lost].toSorted());
    expect(recordsOf(told.lost)).toBe(this.#recordsOf(this.#lost));
    expect(headers.reduce((sum, { records }) => sum + records.count, 0) + this.#recordsOf(this.#lost)).toBe(
      this.#recorded,
    );
  }

  /** Looks after each, for a batch that is told of others may push out one that was acknowledged a moment before. */
  #shipAll(): void {
    this.#follow('tell');
    for (let rest = this.spool.waiting(1); rest.length > 0; rest = this.spool.waiting(1)) {
      this.#acknowledge(rest[0]!);
      this.#follow('acknowledge');
    }
  }

  close(): void {
    this.spool.close();
    fs.rmSync(this.folder, { recursive: true });
  }

  #seal({ sizes, skipped, kernelDrops, place }: Seal): void {
    const drafts = sizes.map(count =>
      draft(count, { seen: count + skipped + kernelDrops, kernelDrops, skipped: skipped > 0 ? { arp: skipped } : {} }),
    );
    this.spool.commit(drafts, place === null ? undefined : { name: 'capture', place: String(place) });
    for (const { counters, records } of drafts) {
      this.#seen += counters.seen;
      this.#recorded += records!.count;
    }
    if (place !== null) this.#place = String(place);
  }

  #act(kind: Exclude<Step['kind'], 'seal'>, which: number): void {
    const waiting = this.spool.waiting(100).filter(id => !this.#inFlight.some(one => one.id === id));
    const id = waiting[which % Math.max(1, waiting.length)];
    switch (kind) {
      case 'take':
        if (id !== undefined) this.#inFlight.push(this.spool.take(id)!);
        return;
      case 'reply lost':
        this.#loseReply(id);
        return;
      case 'acknowledge':
        this.#acknowledgeOne(id, which);
        return;
      case 'conflict':
        this.#conflict(id, which);
        return;
      case 'malformed':
        if (id !== undefined) this.spool.quarantine(id, 'the collector says so');
        return;
      case 'damaged':
        this.#damage(id);
        return;
      case 'requeue':
        this.#requeue(which);
        return;
      case 'kill':
      case 'restart':
        this.#reopen(kind);
        return;
      case 'tell':
        this.spool.tellPending({ hour: HOUR, from: 0, to: 0, historic: true });
        return;
      case 'release':
        this.spool.release();
        return;
      case 'later':
        this.#nowMs += 2 * keepMs;
        return;
      case 'file full':
        this.#giveRoom ??= fillUp(this.spool);
        return;
      case 'disk full':
        this.#free = diskReserveBytes - 1;
        return;
      case 'room':
        this.#free = 2 ** 40;
        this.#giveRoom?.();
        this.#giveRoom = undefined;
    }
  }

  /** The collector has it, and what it says does not arrive. */
  #loseReply(id: number | undefined): void {
    const batch = id === undefined ? undefined : this.spool.take(id);
    if (batch === undefined) return;
    this.#receive(batch);
    this.spool.giveBack(batch.id);
  }

  /** One of those in flight, if any are. */
  #acknowledgeOne(id: number | undefined, which: number): void {
    if (this.#inFlight.length > 0) this.#acknowledge(this.#inFlight[which % this.#inFlight.length]!.id);
    else if (id !== undefined) this.#acknowledge(id);
  }

  #acknowledge(id: number): void {
    const at = this.#inFlight.findIndex(one => one.id === id);
    const batch = at >= 0 ? this.#inFlight.splice(at, 1)[0]! : this.spool.take(id)!;
    this.#receive(batch);
    try {
      this.spool.acknowledge(batch.id);
    } finally {
      this.spool.giveBack(batch.id);
    }
  }

  /** A key stands for one content, whenever and however often it comes. */
  #receive(batch: Waiting): void {
    const known = this.#received.get(keyOf(batch)) ?? batch;
    expect(batch.sha256).toBe(known.sha256);
    this.#received.set(keyOf(batch), known);
  }

  /** Its key is never used again; what it holds goes under a new one. */
  #conflict(id: number | undefined, which: number): void {
    const row = this.#rows().find(one => one.id === id);
    if (row === undefined || this.#giveRoom !== undefined) return;
    if (this.#received.has(keyOf(row))) return; // the collector has this very content
    if (which % 2 === 0) this.spool.openEpoch(this.spool.epoch + 1 + (which % 3));
    this.spool.reseal(row.id);
    this.#batches.delete(keyOf(row));
  }

  #damage(id: number | undefined): void {
    const row = this.#rows().find(one => one.id === id);
    if (row === undefined || this.#giveRoom !== undefined) return;
    this.spool.database.prepare('UPDATE batch SET wire = zeroblob(bytes) WHERE id = ?').run(row.id);
    expect(this.spool.take(row.id)).toBeUndefined();
  }

  /** A collector that was set back asks for what it had. */
  #requeue(which: number): void {
    const acknowledged = this.#rows().filter(({ state }) => state === ACKNOWLEDGED);
    const { epoch, sequence } = acknowledged[which % Math.max(1, acknowledged.length)] ?? { epoch: 1, sequence: 1 };
    const asked = acknowledged.filter(one => one.epoch === epoch && one.sequence >= sequence);
    const found = this.spool.requeue([{ epoch, from: sequence, to: 1e6 }], this.#nowMs);
    expect(found).toBe(asked.length);
    for (const one of asked) this.#received.delete(keyOf(one));
  }

  #reopen(kind: 'kill' | 'restart'): void {
    if (this.#giveRoom !== undefined) this.#act('room', 0);
    if (kind === 'kill') {
      // What a kill leaves: the file as it is, with its write-ahead log.
      const left = path.join(this.folder, `spool-${++this.#files}.db`);
      for (const end of ['', '-wal']) fs.copyFileSync(this.#file + end, left + end);
      this.spool.close();
      this.#file = left;
    } else this.spool.close();
    this.#inFlight.length = 0;
    this.spool = this.#open();
  }

  #open(): Spool {
    const now = () => this.#nowMs;
    const spool = Spool.open(this.#file, { ...SPOOL_OPTIONS, bytesMax, keepMs, now, diskFree: () => this.#free });
    spool.database.pragma('synchronous = OFF'); // a kill leaves the files as they are, synced or not
    return spool;
  }

  #rows = (): Kept[] =>
    this.spool.database
      .prepare(
        `SELECT id, epoch, sequence, state, records, bytes, json_array_length(counters, '$.lost') AS ranges
         FROM batch ORDER BY id`,
      )
      .all() as Kept[];

  #state = () => ({
    ...accountOf(this.spool),
    alarms: [],
    pending: this.spool.pending,
    place: this.spool.placeOf('capture'),
  });

  /** Takes over what became of batches, and holds the rules of dropping against those that are gone. */
  #follow(kind: Step['kind'], sizes: readonly number[] = []): void {
    const rows = this.#rows();
    const now = new Map(rows.map(row => [keyOf(row), row]));
    const sealed = this.#newKeys();
    if (sealed.length > 0 && kind !== 'conflict') this.#bytesMost = bytesMax;
    const pushedOut = [...sealed.entries()].filter(([, key]) => !now.has(key)); // by the next draft of the same commit
    for (const [n, key] of pushedOut) this.#lose(key, sizes[n]!);
    const gone = [...this.#batches.values()].filter(one => !one.gone && !now.has(keyOf(one)));
    for (const one of gone) {
      expect(this.#inFlight.map(({ id }) => id)).not.toContain(one.id);
      if (one.state === WAITING) this.#lost.add(keyOf(one));
    }
    if (kind !== 'release' && gone.length > 0) this.#checkDropped(gone, rows, pushedOut.length === 0);
    const after = new Map<string, Kept & { readonly gone: boolean }>();
    for (const [key, one] of this.#batches) if (!now.has(key)) after.set(key, { ...one, gone: true });
    for (const [key, row] of now) {
      after.set(key, { ...row, gone: false });
      if (row.state === QUARANTINED) this.#lost.add(key);
    }
    this.#batches = after;
    this.#untold = this.spool.pending.lost.length;
  }

  #lose(key: string, records: number): void {
    const [epoch, sequence] = key.split('/').map(Number) as [number, number];
    this.#batches.set(key, { id: 0, epoch, sequence, state: WAITING, records, bytes: 0, ranges: 0, gone: true });
    this.#lost.add(key);
  }

  /** Keys given since this was last asked, in order. */
  #newKeys(): string[] {
    const epochs = this.spool.database.prepare('SELECT epoch, sealed FROM epoch ORDER BY epoch').all();
    return (epochs as { epoch: number; sealed: number }[]).flatMap(({ epoch, sealed }) => {
      const before = this.#given.get(epoch) ?? 0;
      this.#given.set(epoch, sealed);
      return Array.from({ length: sealed - before }, (_, n) => keyOf({ epoch, sequence: before + n + 1 }));
    });
  }

  /** `allSeen`: how large each dropped one was is known, and so whether the last of them had to go. */
  #checkDropped(gone: readonly Kept[], rows: readonly Kept[], allSeen: boolean): void {
    const order = [ACKNOWLEDGED, QUARANTINED, WAITING];
    const held = new Set(this.#inFlight.map(({ id }) => id));
    const worst = gone.reduce((last, one) => (order.indexOf(one.state) > order.indexOf(last.state) ? one : last));
    for (const row of rows) {
      const wasThere = this.#batches.has(keyOf(row));
      if (!wasThere || held.has(row.id)) continue;
      expect(order.indexOf(row.state)).toBeGreaterThanOrEqual(order.indexOf(worst.state));
      if (row.state === worst.state)
        for (const one of gone) if (one.state === row.state) expect(one.id).toBeLessThan(row.id);
    }
    const isTight = this.#giveRoom !== undefined || this.#free < diskReserveBytes;
    if (!allSeen || isTight) return;
    const neededBytes = bytesOf(rows) + ENTRY_BYTES * this.#joined(gone, rows);
    expect(neededBytes + Math.max(...gone.map(one => one.bytes))).toBeGreaterThan(bytesMax);
  }

  /**
   * How many ranges of lost batches became part of others. By so many entries, and no more, a batch may be shorter than it was
   * when room was made for it: it tells what was dropped for it, and that may fill the gaps between ranges.
   */
  #joined(gone: readonly Kept[], rows: readonly Kept[]): number {
    const lost = gone.filter(({ state }) => state === WAITING);
    const fresh = rows.filter(row => !this.#batches.has(keyOf(row)));
    const after = rangesOf(fresh) + this.spool.pending.lost.length;
    return this.#untold + rangesOf(lost) + lost.length - after;
  }

  #check(): void {
    const rows = this.#rows();
    const account = accountOf(this.spool);
    expect(balanceOf(this.spool)).toEqual(BALANCED);
    const waiting = rows.filter(({ state }) => state === WAITING);
    expect([account.seen, account.recorded]).toEqual([this.#seen, this.#recorded]);
    expect(account.spooled).toMatchObject({ batches: waiting.length, records: recordsOf(waiting) });
    expect(account.lost).toEqual({ batches: this.#lost.size, records: this.#recordsOf(this.#lost) });
    expect(account.shipped.records).toBe(this.#recorded - recordsOf(waiting) - this.#recordsOf(this.#lost));
    expect(this.spool.placeOf('capture')).toBe(this.#place);
    expect(new Set(rows.map(keyOf)).size).toBe(rows.length);
    const held = rows.filter(({ id }) => this.#inFlight.some(one => one.id === id));
    expect(recordsOf(held)).toBe(recordsOf(this.#inFlight)); // in flight is not dropped
    if (held.length === 0) expect(bytesOf(rows)).toBeLessThanOrEqual(this.#bytesMost);
    else this.#bytesMost = Math.max(bytesMax, bytesOf(rows));
  }

  #recordsOf = (keys: Iterable<string>): number => recordsOf([...keys].map(key => this.#batches.get(key)!));
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const recordsOf = (rows: readonly Pick<Kept, 'records'>[]): number => total(rows.map(({ records }) => records));
const bytesOf = (rows: readonly Kept[]): number => total(rows.map(({ bytes }) => bytes));
const rangesOf = (rows: readonly Kept[]): number => total(rows.map(({ ranges }) => ranges));

it('whatever is sealed, shipped, lost, damaged or killed, and in whatever order, the ledger says what Maps say', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), steps => {
      const pair = new Pair();
      try {
        for (const one of steps) pair.do(one);
        pair.end();
      } finally {
        pair.close();
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);
