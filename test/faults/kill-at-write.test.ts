/** Killed at its n-th write, sync or rename, for n from the first on: what was durable is there once, nothing else is lost. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { bundleSensor } from '../../deploy/bundle.ts';
import { openSpool } from '../../sensor/spool/recover.ts';
import { batch, batches, DAY_MS, NOON, newFolder } from '../log/batches.ts';
import { accountOf, draft, newSpool, SPOOL_OPTIONS, temporary } from '../sensor/support.ts';
import { root } from '../support/enaga.ts';
import { FakeCollector } from '../support/fake-collector.ts';
import { decodeCaptures, digestOf, linesOf, startSensor, TRAFFIC_NETWORK, writeTraffic } from '../support/sensor.ts';
import { hasStrace, runTraced, STRACE_MISSING, type Traced, WRITES } from '../support/strace.ts';

const script = (name: string) => path.join(import.meta.dirname, name);
const killAt = (n: number, args: readonly string[]): Promise<Traced> =>
  runTraced(WRITES, `signal=SIGKILL:when=${n}`, args);

/** Sequence and SHA-256 by position. */
function logged(dir: string): Map<number, { sequence: number; sha256: string }> {
  const reader = LogReader.open(dir);
  const found = new Map<number, { sequence: number; sha256: string }>();
  for (let from = 0; from < reader.head(); ) {
    const more = reader.after(from, { batches: 1000, bytes: 1e8 });
    for (const { position, sequence, sha256 } of more)
      found.set(position, { sequence, sha256: Buffer.from(sha256).toString('hex') });
    from = more.at(-1)!.position;
  }
  reader.close();
  return found;
}

const shaOf = (sequence: number): string => Buffer.from(batch(sequence).sha256).toString('hex');

describe.skipIf(!hasStrace)(`killed at a write (${hasStrace ? 'by strace' : STRACE_MISSING})`, () => {
  it('fault 1: the collector has what it acknowledged once, at its position, whichever write it was killed at', async () => {
    const dir = newFolder();
    onTestFinished(() => fs.rmSync(dir, { recursive: true }));
    const acknowledged = new Map<number, number>();
    let next = 1;
    const kills = [1, 2, 3, 4, 5, 6, 8, 11, 15, 20, 30, 50, 80, 110, 150];
    for (const n of kills) {
      const { signal, stdout } = await killAt(n, [script('../log/appender.ts'), dir, String(n), String(next)]);
      expect(signal, `write ${n}`).toBe('SIGKILL');
      for (const line of stdout.split('\n').slice(0, -1))
        for (const [sequence, position] of JSON.parse(line)) {
          expect(acknowledged.get(sequence) ?? position, `write ${n}`).toBe(position);
          acknowledged.set(sequence, position);
        }
      if (!fs.existsSync(path.join(dir, 'id'))) continue; // it had not got so far as to name the log
      const found = logged(dir);
      expect([...found.keys()], `write ${n}`).toEqual(Array.from(found, (_, i) => i + 1));
      const sequences = [...found.values()].map(({ sequence }) => sequence);
      expect(new Set(sequences).size, `write ${n}`).toBe(sequences.length);
      for (const [sequence, position] of acknowledged)
        expect(found.get(position)?.sequence, `write ${n}`).toBe(sequence);
      next = Math.max(0, ...sequences) + 1;
    }
    expect(acknowledged.size).toBeGreaterThan(20);
    const log = Log.open(dir);
    expect(log.gaps(0, [{ epoch: 1, sealed: next - 1 }], 9)).toEqual([]);
    log.close();
  });

  it('fault 1: a sensor counts every packet once, whichever write it was killed at', async () => {
    const folder = temporary();
    const main = path.join(folder, 'enaga-sensor.mjs');
    await bundleSensor(main);
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    const traffic = path.join(folder, 'traffic.pcap');
    writeTraffic(traffic, 60_000);
    const collector = await new FakeCollector().start();
    onTestFinished(() => collector.stop());
    collector.networks = [TRAFFIC_NETWORK];
    const state = path.join(folder, 'state');
    const sensor = (...args: string[]) => startSensor([...args, '--state', state], { main }).outcome;
    expect((await sensor('enrol', '--collector', collector.url, '--token', 'good')).code).toBe(0);
    const run = ['run', '--read', traffic, '--quiet'];
    let killed = 0;
    for (const n of [1, 5, 10, 16, 25, 40, 65, 100]) {
      const { signal, code } = await killAt(n, [main, ...run, '--state', state]);
      if (signal === 'SIGKILL') killed++;
      else expect(code, `write ${n}`).toBe(0); // it had fewer left to do
    }
    expect(killed).toBeGreaterThan(5);
    expect(await sensor(...run)).toMatchObject({ code: 0, stderr: '' });
    const lines = [...collector.batches.values()].flatMap(({ records }) => [...linesOf(records)]);
    expect(digestOf(lines)).toBe(digestOf(await decodeCaptures([traffic], [TRAFFIC_NETWORK])));
    expect(collector.counters).toMatchObject({ seen: 60_000, skipped: 0, lost: 0, interrupted: 0 });
  });

  it('fault 6: a collector killed again and again while it makes its ledger anew loses nothing', async () => {
    const dir = newFolder();
    onTestFinished(() => fs.rmSync(dir, { recursive: true }));
    const log = Log.open(dir);
    const { id } = log;
    for (let day = 0; day < 3; day++)
      log.append(batches(100 * day + 1, 100 * day + 100, { receivedMs: NOON + day * DAY_MS }));
    log.close();
    fs.rmSync(path.join(dir, 'ledger.db'));
    let killed = 0;
    for (let n = 1; n <= 19; n += 2) {
      const { signal } = await killAt(n, [script('open-log.ts'), dir]);
      if (signal === 'SIGKILL') killed++;
    }
    expect(killed).toBeGreaterThan(5);
    const again = Log.open(dir);
    expect([again.id, again.head()]).toEqual([id, 300]);
    expect(again.append(batches(295, 301)).map(({ kind }) => kind)).toEqual([...Array(6).fill('duplicate'), 'logged']);
    again.close();
    expect([...logged(dir).values()].slice(0, 300)).toEqual(
      Array.from({ length: 300 }, (_, n) => ({ sequence: n + 1, sha256: shaOf(n + 1) })),
    );
  });

  it('fault 6: a sensor killed again and again while it saves a damaged spool saves what one start saves', async () => {
    const file = path.join(temporary(), 'spool.db');
    const spool = newSpool({}, file);
    for (let n = 0; n < 10; n++) spool.commit([draft(1000)], { name: 'reading', place: String(n) });
    spool.close();
    const bytes = fs.readFileSync(file);
    bytes.fill(0xff, 4096 * 20, 4096 * 23); // in the batches' pages: the tree itself is broken
    const saved = (at: string) => {
      const opened = openSpool(at, { ...SPOOL_OPTIONS, epoch: 2 }).spool;
      const ids = opened.waiting(99).map(id => opened.take(id)!.sha256);
      const { lost, recorded } = accountOf(opened);
      const place = opened.placeOf('reading');
      opened.close();
      return { ids, lost, recorded, place };
    };
    const other = path.join(path.dirname(file), 'other.db');
    for (const one of [file, other]) fs.writeFileSync(one, bytes);
    const expected = saved(other);
    expect(expected.ids.length).toBeGreaterThan(4);
    let killed = 0;
    for (let n = 1; n <= 40; n += n < 7 ? 2 : 5) {
      const { signal } = await killAt(n, [script('open-spool.ts'), file]);
      if (signal === 'SIGKILL') killed++;
    }
    expect(killed).toBeGreaterThan(5);
    expect(saved(file)).toEqual(expected);
  });
});
