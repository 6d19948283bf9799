/** Of batches that a ledger made anew does without, where they are is told: at each start, and by the collector's own log. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type LeftOutRange, ledgerWarnings } from '../../collector/log/left-out.ts';
import { Log } from '../../collector/log/log.ts';
import { ArchivedLog, blocksOfRows, DAY_MS, randomRows } from '../archive/support.ts';
import { Observatory } from '../support/observatory.ts';
import { newSeed } from '../support/random.ts';
import { FIRST_DAY, firstHour, RECEIVED_MS, SealedLog } from '../support/sealed-log.ts';

let made: SealedLog;
let log: Log;
/** Where each batch was logged, as was said when it was. */
let positions: number[];

const FIRST = '2026-03-05.db';
const SECOND = '2026-03-06.db';

/** Ten batches of sensor 0, in a file each five: the geography has position 1. */
beforeEach(() => {
  made = new SealedLog(['JP']);
  log = made.log;
  const batches = Array.from({ length: 10 }, (_, n) =>
    made.sealer.seal({ sensor: 0, records: firstHour(20), receivedMs: RECEIVED_MS + (n < 5 ? 0 : DAY_MS) }),
  );
  positions = [batches.slice(0, 5), batches.slice(5)].flatMap(group => log.append(group).map(positionOf));
});
afterEach(() => {
  log.close();
  made.remove();
});

function positionOf(outcome: ReturnType<Log['append']>[number]): number {
  if (outcome.kind !== 'logged') throw new Error('it is new');
  return outcome.position;
}

const file = (name: string) => path.join(made.data.log, name);

/** A bit of the sequence in a batch's head is another. */
function damageHeads(name: string, at: readonly number[]): void {
  const database = new Database(file(name));
  for (const position of at) {
    const bytes = database.prepare('SELECT bytes FROM batches WHERE position = ?').pluck().get(position) as Buffer;
    bytes[32]! ^= 4;
    database.prepare('UPDATE batches SET bytes = ? WHERE position = ?').run(bytes, position);
  }
  database.close();
}

const removeLedger = () => {
  for (const end of ['', '-wal', '-shm']) fs.rmSync(file(`ledger.db${end}`), { force: true });
};

function reopened(spoil: () => void): Log['reconciled'] {
  log.close();
  spoil();
  log = Log.open(made.data.log);
  return log.reconciled;
}

const texts = () => ledgerWarnings(log.reconciled).map(({ text }) => text);
const NONE = { batches: 0, ranges: [] };

describe('batches whose heads cannot be read', () => {
  const told = {
    batch: {
      batches: 4,
      ranges: [
        { place: FIRST, from: 3, to: 4 },
        { place: FIRST, from: 6, to: 6 },
        { place: SECOND, from: 7, to: 7 },
      ],
    },
    losses: NONE,
  };
  const damage = () => {
    damageHeads(FIRST, [3, 4, 6]);
    damageHeads(SECOND, [7]);
  };

  it('are told with their places by the start that makes the ledger anew', () => {
    expect(positions).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const reconciled = reopened(() => {
      damage();
      removeLedger();
    });
    expect(reconciled).toEqual({ madeAnew: 'missing', gone: undefined, leftOut: told });
    expect(texts()).toEqual([
      'the ledger was not there: it was made anew from the log',
      expect.stringMatching(/^batches of the log are damaged, .* sensors are asked for them again/),
    ]);
    expect(ledgerWarnings(reconciled)[1]!.facts).toEqual(told.batch);
    // Sequences are positions less one.
    expect(log.gaps(0, [{ epoch: 1, sealed: 10 }], 9)).toEqual([
      { epoch: 1, from: 2, to: 3 },
      { epoch: 1, from: 5, to: 6 },
    ]);
  });

  it('are told by each start after it, and not when the ledger knows them', () => {
    expect(reopened(damage).leftOut.batch).toEqual(NONE); // their keys are in
    reopened(removeLedger);
    expect(reopened(() => {})).toEqual({ madeAnew: undefined, gone: undefined, leftOut: told });
    expect(texts()).toHaveLength(1);
  });

  it('are told when the collector was killed before the ledger had everything', () => {
    // With the first file alone it is what a kill between the two files leaves.
    reopened(() => {
      damage();
      removeLedger();
      fs.renameSync(file(SECOND), file('later'));
    });
    expect(log.head()).toBe(6);
    expect(reopened(() => fs.renameSync(file('later'), file(SECOND))).leftOut).toEqual(told);
  });

  it('are all counted, and the first ten places named', () => {
    const more = Array.from({ length: 26 }, () => made.sealer.seal({ sensor: 0, records: firstHour(1) }));
    log.append(more);
    const odd = Array.from({ length: 13 }, (_, n) => 13 + 2 * n);
    const { batch } = reopened(() => {
      damageHeads(SECOND, odd);
      removeLedger();
    }).leftOut;
    expect(batch.batches).toBe(13);
    expect(batch.ranges).toEqual(odd.slice(0, 10).map(at => ({ place: SECOND, from: at, to: at })));
  });

  it('in the archive are told as such', async () => {
    const archived = new ArchivedLog();
    onTestFinished(() => archived.remove());
    archived.append(...blocksOfRows(randomRows(newSeed(), 300)));
    archived.goOn(RECEIVED_MS + DAY_MS);
    archived.count();
    const lost = archived.batchesOf(FIRST_DAY).map(({ position }) => position);
    expect((await archived.archived()).files).toHaveLength(1);
    const [part] = archived.partFiles();
    fs.writeFileSync(path.join(archived.archive, part!.replace('.parquet', '.heads.zst')), 'no heads');
    archived.renewThread();
    archived.log.close();
    for (const end of ['', '-wal', '-shm']) fs.rmSync(path.join(archived.data.log, `ledger.db${end}`), { force: true });
    const again = Log.open(archived.data.log, archived.thread.past());
    const { batch, losses } = again.reconciled.leftOut;
    again.close();
    expect([batch.batches, losses]).toEqual([lost.length, NONE]);
    const named = batch.ranges.flatMap(each);
    expect(named).toEqual(lost.slice(0, named.length));
    expect(named.length).toBeGreaterThan(0);
    expect(new Set(batch.ranges.map(({ place }) => place))).toEqual(new Set(['the archive']));
  });
});

const each = ({ from, to }: LeftOutRange): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

it('a batch that is none is told: what its sensor lost, nobody knows from it', () => {
  const lost = [{ epoch: 1, from: 11, to: 13, records: 5 }];
  const sound = made.sealer.seal({ sensor: 1, records: firstHour(1), counters: { lost } });
  const none = { ...sound, sensor: 0, sequence: 14, bytes: Uint8Array.from(sound.bytes) };
  none.bytes[32]! ^= 4; // before the log had it: its row is sound
  log.append([none]);
  expect(reopened(removeLedger).leftOut).toEqual({
    batch: NONE,
    losses: { batches: 1, ranges: [{ place: SECOND, from: 12, to: 12 }] },
  });
  expect(texts()[1]).toMatch(/^heads of batches of the log cannot be read: .* asked for it again/);
  expect(log.gaps(0, [{ epoch: 1, sealed: 14 }], 9)).toEqual([{ epoch: 1, from: 11, to: 13 }]);
});

describe('a ledger', () => {
  it('that is damaged is put aside, and that is told', () => {
    const spoilt = 'no database at all '.repeat(500);
    const reconciled = reopened(() => {
      removeLedger();
      fs.writeFileSync(file('ledger.db'), spoilt);
    });
    expect(reconciled).toEqual({ madeAnew: 'damaged', gone: undefined, leftOut: { batch: NONE, losses: NONE } });
    expect(texts()).toEqual([expect.stringMatching(/^the ledger was damaged, and is ledger\.db\.damaged now/)]);
    expect(fs.readFileSync(file('ledger.db.damaged'), 'utf8')).toBe(spoilt);
  });

  it('that knows more than the files, or another past, tells so', () => {
    const gone = reopened(() => fs.renameSync(file(SECOND), file('later')));
    expect(gone).toMatchObject({ madeAnew: undefined, gone: { from: 7, to: 11 } });
    expect(texts()).toEqual([expect.stringMatching(/^the log lacks entries that the ledger knew/)]);
    const other = new SealedLog(['JP']);
    other.append(...[1, 2, 3].map(count => ({ sensor: 0, records: firstHour(count) })));
    other.log.close();
    const disagreed = reopened(() => {
      removeLedger();
      fs.copyFileSync(path.join(other.data.log, 'ledger.db'), file('ledger.db'));
    });
    other.remove();
    expect(disagreed).toMatchObject({ madeAnew: 'disagreed', gone: undefined });
    expect(texts()).toEqual([expect.stringMatching(/^the ledger did not agree with the log/)]);
  });

  it('of a new log, or one that is sound, has nothing to tell', () => {
    reopened(() => {});
    expect(texts()).toEqual([]);
    const empty = Log.open(path.join(made.dir, 'empty'));
    expect(ledgerWarnings(empty.reconciled)).toEqual([]);
    empty.close();
  });
});

it('enaga serve says it once as it starts, and counts it', async () => {
  log.close();
  damageHeads(FIRST, [3, 4]);
  damageHeads(SECOND, [9]);
  removeLedger();
  const observatory = new Observatory({ data: made.dir });
  onTestFinished(() => observatory.remove());
  await observatory.serve();
  const metrics = await (await fetch(`${observatory.url}/metrics`)).text();
  const { stderr } = await observatory.stop();
  const lines = stderr
    .split('\n')
    .filter(line => line.includes('ledger'))
    .map(line => JSON.parse(line));
  expect(lines).toMatchObject([
    { level: 'warn', msg: 'the ledger was not there: it was made anew from the log' },
    {
      level: 'warn',
      batches: 3,
      ranges: [
        { place: FIRST, from: 3, to: 4 },
        { place: SECOND, from: 9, to: 9 },
      ],
    },
  ]);
  expect(metrics).toMatch(/^enaga_ledger_left_out_batches 3$/m);
  expect(metrics).toMatch(/^enaga_ledger_unread_heads 0$/m);
}, 30_000);
