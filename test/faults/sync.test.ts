/** Disks that fail to sync, under a real collector and a real sensor: each ends, and nothing is acknowledged after it. */
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporary } from '../sensor/support.ts';
import { root } from '../support/enaga.ts';
import { FakeCollector } from '../support/fake-collector.ts';
import { Observatory } from '../support/observatory.ts';
import { decodeCaptures, digestOf, linesOf, startSensor, TRAFFIC_NETWORK, writeTraffic } from '../support/sensor.ts';
import { hasStrace, injectInto, runTraced, STRACE_MISSING, SYNCS } from '../support/strace.ts';
import { addSensors, loggedAt, putBatch, sealSpec } from './support.ts';

describe.skipIf(!hasStrace)(`a sync that fails (${hasStrace ? 'by strace' : STRACE_MISSING})`, () => {
  it('fault 5: the collector acknowledges nothing after it and ends with 1; all that it acknowledged is there', async () => {
    const observatory = new Observatory();
    onTestFinished(() => observatory.remove());
    await observatory.init();
    await observatory.serve();
    const [sensor] = addSensors(observatory, 1);
    const put = (sequence: number) =>
      putBatch(observatory.url, sensor!, sealSpec(sensor!, { sequence }).bytes).then(
        ({ status }) => status,
        () => 'no answer',
      );
    const acknowledged = [];
    for (let sequence = 1; sequence <= 5; sequence++) if ((await put(sequence)) === 200) acknowledged.push(sequence);
    expect(acknowledged).toHaveLength(5);
    // One alone fails: the next would be called a success, and be none.
    const detach = await injectInto(observatory.pid, SYNCS, 'error=EIO:when=1');
    const answers = await Promise.all([put(6), put(7)]);
    for (let sequence = 8; sequence <= 10; sequence++) answers.push(await put(sequence));
    await detach();
    expect(answers).not.toContain(200);
    const { code } = await observatory.ended();
    expect(code).toBe(1);
    expect(observatory.said).toContain('the disk failed');
    await observatory.serve();
    const kept = new Set(loggedAt(observatory.data).map(({ sequence }) => sequence));
    for (const sequence of acknowledged) expect(kept).toContain(sequence);
    for (let sequence = 6; sequence <= 10; sequence++) expect(await put(sequence)).toBe(200);
    const sequences = loggedAt(observatory.data).map(one => one.sequence);
    expect(sequences.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, n) => n + 1));
  });

  it('fault 5: a sensor ends with 1, and the next run counts every packet once', async () => {
    const folder = temporary();
    const traffic = path.join(folder, 'traffic.pcap');
    writeTraffic(traffic, 30_000);
    const collector = await new FakeCollector().start();
    onTestFinished(() => collector.stop());
    collector.networks = [TRAFFIC_NETWORK];
    const state = path.join(folder, 'state');
    const sensor = (...args: string[]) => startSensor([...args, '--state', state]).outcome;
    await sensor('enrol', '--collector', collector.url, '--token', 'good');
    const run = ['run', '--read', traffic, '--quiet'];
    for (const n of [4, 8]) {
      const main = path.join(root, 'sensor', 'main.ts');
      const { code, stderr } = await runTraced(SYNCS, `error=EIO:when=${n}`, [main, ...run, '--state', state]);
      expect([code, stderr], `sync ${n}`).toEqual([1, expect.stringMatching(/I\/O error/)]);
    }
    expect(await sensor(...run)).toMatchObject({ code: 0, stderr: '' });
    const lines = [...collector.batches.values()].flatMap(({ records }) => [...linesOf(records)]);
    expect(digestOf(lines)).toBe(digestOf(await decodeCaptures([traffic], [TRAFFIC_NETWORK])));
    expect(collector.counters).toMatchObject({ seen: 30_000, lost: 0 });
  });
});
