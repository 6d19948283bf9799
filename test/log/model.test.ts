/**
 * The log against a model of a few lines: a Map of what was logged first under each key, and a Set of what was told as lost.
 * Groups with new batches, duplicates and conflicts, restarts, kills, and ledgers that are gone, damaged or of yesterday come
 * in any order; after each the log says what the model says. The model survives everything, for the day files do.
 */
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { NewBatch } from '../../collector/log/entry.ts';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import { createRecords } from '../../common/record/record.ts';
import { DAY, DAY_MS, NOON, newFolder } from './batches.ts';

const sequenceMax = 12;
const sensors = 2;
const epochs = 2;

const spec = fc.record({
  sensor: fc.nat(sensors - 1),
  epoch: fc.integer({ min: 1, max: epochs }),
  sequence: fc.integer({ min: 1, max: sequenceMax }),
  content: fc.nat(1),
  lost: fc.array(
    fc.record({
      epoch: fc.integer({ min: 1, max: epochs }),
      from: fc.integer({ min: 1, max: sequenceMax }),
      more: fc.nat(4),
    }),
    { maxLength: 2 },
  ),
});
type Spec = typeof spec extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(spec, { minLength: 1, maxLength: 5 }).map(group => ({ kind: 'append', group }) as const),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        ...([
          'restart',
          'kill',
          'ledger gone',
          'ledger damaged',
          'ledger kept',
          'old ledger',
          'next day',
          'geography',
        ] as const),
      )
      .map(kind => ({ kind })),
  },
);

const keyOf = ({ sensor, epoch, sequence }: Pick<Spec, 'sensor' | 'epoch' | 'sequence'>) =>
  `${sensor}/${epoch}/${sequence}`;

function sealed({ sensor, epoch, sequence, content, lost }: Spec, receivedMs: number): NewBatch {
  const ranges = lost.map(({ epoch: of, from, more }) => ({ epoch: of, from, to: from + more, records: 0 }));
  const counters = { seen: content, kernelDrops: content, interrupted: 0, skipped: {}, lost: ranges };
  const id = `00000000-0000-4000-8000-${String(sensor).padStart(12, '0')}`;
  const header = { sensor: id, epoch, sequence, hour: 24 * DAY, from: 0, to: 1, historic: false, counters };
  const { bytes, sha256 } = sealBatch({ header, records: { ...createRecords(4, 0), hour: 24 * DAY } });
  const key = { sensor, epoch, sequence, sha256: Buffer.from(sha256, 'hex') };
  return { ...key, receivedMs, clockOffsetMs: 0, historic: false, day: DAY, records: 0, bytes };
}

class Pair {
  readonly folder = newFolder();
  dir = path.join(this.folder, 'log');
  log = Log.open(this.dir);
  readonly #logged = new Map<string, { sha256: string; position: number }>();
  readonly #lost = new Set<string>();
  #head = 0;
  #nowMs = NOON;
  #copies = 0;

  append(group: readonly Spec[]): void {
    const batches = group.map(one => sealed(one, this.#nowMs));
    const outcomes = this.log.append(batches);
    for (const [n, one] of group.entries()) {
      const sha256 = Buffer.from(batches[n]!.sha256).toString('hex');
      const first = this.#logged.get(keyOf(one));
      if (first === undefined) {
        expect(outcomes[n]).toEqual({ kind: 'logged', position: ++this.#head });
        this.#logged.set(keyOf(one), { sha256, position: this.#head });
        for (const { epoch, from, more } of one.lost)
          for (let sequence = from; sequence <= from + more; sequence++)
            this.#lost.add(keyOf({ sensor: one.sensor, epoch, sequence }));
      } else if (first.sha256 === sha256) expect(outcomes[n]).toEqual({ kind: 'duplicate', position: first.position });
      else expect(outcomes[n]!.kind).toBe('conflict');
    }
    for (const [n, one] of outcomes.entries())
      if (one.kind === 'conflict') expect(one.nextEpoch).toBe(this.#lastEpoch(group[n]!.sensor) + 1);
  }

  disturb(kind: string): void {
    const ledger = path.join(this.dir, 'ledger.db');
    if (kind === 'next day') {
      this.#nowMs += DAY_MS;
      return;
    }
    if (kind === 'geography') {
      expect(this.log.appendGeo({ sha256: '', name: '', built: '', files: [] }, this.#nowMs)).toBe(++this.#head);
      return;
    }
    if (kind === 'kill') {
      // What a kill leaves: the files as they are, with their write-ahead logs.
      const left = path.join(this.folder, `left-${++this.#copies}`);
      fs.cpSync(this.dir, left, { recursive: true });
      this.log.close();
      this.dir = left;
    } else this.log.close();
    if (kind === 'ledger kept') fs.copyFileSync(ledger, path.join(this.folder, 'ledger.old'));
    if (kind === 'ledger gone') fs.rmSync(ledger);
    if (kind === 'ledger damaged') fs.writeFileSync(ledger, 'no database at all '.repeat(500));
    const old = path.join(this.folder, 'ledger.old');
    if (kind === 'old ledger' && fs.existsSync(old)) fs.copyFileSync(old, ledger);
    this.log = Log.open(this.dir);
    this.#checkReconciled(kind);
  }

  /** Nothing was damaged but ledgers: whatever else is told is a false alarm. */
  #checkReconciled(kind: string): void {
    const { madeAnew, gone, leftOut } = this.log.reconciled;
    const gave = { 'ledger gone': this.#head > 0 ? 'missing' : undefined, 'ledger damaged': 'damaged' };
    expect(madeAnew).toBe(gave[kind as keyof typeof gave]);
    expect([gone, leftOut.batch.batches, leftOut.losses.batches]).toEqual([undefined, 0, 0]);
  }

  check(): void {
    expect(this.log.head()).toBe(this.#head);
    for (let sensor = 0; sensor < sensors; sensor++) {
      expect(this.log.nextEpoch(sensor)).toBe(this.#lastEpoch(sensor) + 1);
      const asked = [1, 2].map(epoch => ({ epoch, sealed: sequenceMax }));
      const told = this.log
        .gaps(sensor, asked, 1000)
        .flatMap(({ epoch, from, to }) =>
          Array.from({ length: to - from + 1 }, (_, n) => keyOf({ sensor, epoch, sequence: from + n })),
        );
      const missing = asked
        .flatMap(({ epoch }) =>
          Array.from({ length: sequenceMax }, (_, n) => keyOf({ sensor, epoch, sequence: n + 1 })),
        )
        .filter(key => !this.#logged.has(key) && !this.#lost.has(key));
      expect(told).toEqual(missing);
    }
  }

  end(id: string): void {
    expect(this.log.id).toBe(id); // nothing was lost, so no position means anything else
    this.log.close();
    const reader = LogReader.open(this.dir);
    const found = new Map<string, { sha256: string; position: number }>();
    for (let from = 0; from < reader.head(); ) {
      const more = reader.after(from, { batches: 3, bytes: 1e6 });
      if (more.length === 0) break;
      for (const one of more)
        found.set(keyOf(one), { sha256: Buffer.from(one.sha256).toString('hex'), position: one.position });
      from = more.at(-1)!.position;
    }
    reader.close();
    expect(found).toEqual(this.#logged);
  }

  #lastEpoch(sensor: number): number {
    const keys = [...this.#logged.keys()].map(key => key.split('/').map(Number));
    return Math.max(0, ...keys.filter(([of]) => of === sensor).map(([, epoch]) => epoch!));
  }
}

it('whatever is appended, killed, deleted or set back, and in whatever order, the log says what a Map says', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 25 }), steps => {
      const pair = new Pair();
      try {
        const { id } = pair.log;
        for (const one of steps) {
          if (one.kind === 'append') pair.append(one.group);
          else pair.disturb(one.kind);
          pair.check();
        }
        pair.end(id);
      } finally {
        pair.log.close();
        fs.rmSync(pair.folder, { recursive: true });
      }
    }),
    { numRuns: 40 },
  );
});
