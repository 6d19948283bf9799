/**
 * A live sensor whose disk fills while its collector is away, with tcpdump on the same wire as the oracle: what it had to drop it
 * says, and every packet is with the collector or told as lost.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { COUNTED_ONLY } from '../../sensor/status/account.ts';
import { fillDisk, mountSmallDisk, SMALL_DISK_MISSING } from '../support/small-disk.ts';
import { countOf, LiveNetwork, whyNot } from './network.ts';
import { Outpost, SENSOR, type Status } from './support.ts';

const why = whyNot('tcpdump', 'hping3');
if (why !== undefined) console.warn(`test/live: ${why}`);

/** Packets of each stretch: before the trouble, with the collector away, with the disk full as well, and after. */
const PACKETS = [100, 400, 700, 200] as const;

let network: LiveNetwork | undefined;
afterAll(() => network?.close());

/** To the last page, while others write too. */
function takeAll(dir: string, name: string): string {
  const file = path.join(dir, name);
  const page = Buffer.alloc(4096);
  try {
    for (;;) fs.appendFileSync(file, page);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
    return file;
  }
}

it.skipIf(why !== undefined)('counts what not a byte of the disk was left for', { timeout: 120_000 }, async context => {
  const disk = mountSmallDisk(48 * 2 ** 20);
  if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
  network = new LiveNetwork();
  try {
    const outpost = new Outpost(network, { state: path.join(disk.dir, 'sensor') });
    await outpost.make(['192.0.2.0/24']);
    const oracle = await network.capture('dark');
    const sensor = await outpost.watch();
    const ballast = takeAll(disk.dir, 'ballast');
    network.scan('hping3 -q -i u1000 -S -p ++1 -c 500 192.0.2.77');
    const full = await outpost.statusWhen(({ seen }) => seen >= 500);
    expect(full).toMatchObject({
      seen: 500,
      open: 500,
      shipped: { records: 0 },
      healthy: false,
      alarms: [COUNTED_ONLY],
    });
    network.scan('hping3 -q -i u1000 -S -p ++1 -c 100 192.0.2.77');
    sensor.child.kill('SIGTERM');
    expect(await sensor.outcome).toMatchObject({ code: 1, stderr: expect.stringMatching(/the disk .*is full/) });

    // Another takes what the end of the run gave back: the next cannot begin, says why, and spoils nothing.
    const rest = takeAll(disk.dir, 'rest');
    const refused = network.node(SENSOR, ['run', '--interface', 'dark', '--state', outpost.state]);
    expect(await refused.outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('is full') });
    for (const file of [ballast, rest]) fs.rmSync(file);

    const again = await outpost.watch();
    network.scan('hping3 -q -i u1000 -S -p ++1 -c 50 192.0.2.77');
    await outpost.statusWhen(({ seen }) => seen >= 650);
    await outpost.end(again);
    expect((await again.outcome).stderr).toContain('600 records of it are lost, and counted');
    expect(countOf(await oracle.stop(), 'dst net 192.0.2.0/24')).toBe(650);
    const last = await outpost.status();
    expect(last).toMatchObject({ seen: 650, interrupted: 600, shipped: { records: 50 }, alarms: [] });
    expect([balance(last), last.troubles]).toEqual([
      0,
      [expect.stringMatching(/^it does not run/), 'packets were lost within the last 24 hours'],
    ]);
    const { days } = JSON.parse(await outpost.enaga('days', '--json', '--wait'));
    expect(await outpost.enaga('days', '--date', days.at(-1).date), 'watched, packets, skipped, lost').toMatch(
      /^dark +\S+ +50 +0 +600\b/m,
    );
  } finally {
    network.close();
    disk.remove();
  }
});

const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
const balance = ({ seen, kernelDrops, interrupted, skipped, open, spooled, shipped, lost }: Status) =>
  seen -
  kernelDrops -
  interrupted -
  sum(Object.values(skipped)) -
  open -
  spooled.records -
  shipped.records -
  lost.records;

it.skipIf(why !== undefined)('loses what it says, and nothing else', { timeout: 120_000 }, async context => {
  const disk = mountSmallDisk(48 * 2 ** 20);
  if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
  network = new LiveNetwork();
  try {
    const outpost = new Outpost(network, { state: path.join(disk.dir, 'sensor') });
    await outpost.make(['192.0.2.0/24']);
    const oracle = await network.capture('dark');
    /** Sealed at its end, whatever the collector does. */
    const stretch = async (n: number) => {
      const sensor = await outpost.watch();
      network!.scan(`hping3 -q -i u1000 -S -p ++1 -c ${PACKETS[n]} 192.0.2.77`);
      const during = await outpost.statusWhen(({ seen }) => seen >= sum(PACKETS.slice(0, n + 1)));
      await outpost.end(sensor);
      const after = await outpost.status();
      expect([balance(during), balance(after)]).toEqual([0, 0]);
      return after;
    };
    expect(await stretch(0)).toMatchObject({ shipped: { records: 100 }, alarms: [] });
    await outpost.stopServing();
    expect(await stretch(1)).toMatchObject({ spooled: { records: 400 }, lost: { records: 0 } });

    const ballast = fillDisk(disk.dir, 300_000);
    const full = await stretch(2);
    expect(full.alarms.join()).toContain('the disk is full');
    expect(full.lost.records, 'the oldest made room').toBe(400);
    expect(full.spooled.records).toBe(700);

    fs.rmSync(ballast);
    await outpost.serve();
    const last = await stretch(3);
    const arrived = countOf(await oracle.stop(), 'dst net 192.0.2.0/24');
    expect(arrived).toBe(sum(PACKETS));
    expect(last).toMatchObject({ seen: arrived, kernelDrops: 0, interrupted: 0, open: 0, alarms: [] });
    expect(last).toMatchObject({ spooled: { records: 0 }, shipped: { records: 1000 }, lost: { records: 400 } });
    const stored = JSON.parse(await outpost.enaga('days', '--json', '--wait'));
    expect(stored.records).toBe(1000);
    const table = await outpost.enaga('days', '--date', stored.days.at(-1).date);
    expect(table, 'watched, packets, skipped, lost').toMatch(/^dark +\S+ +1,000 +0 +400\b/m);
  } finally {
    network.close();
    disk.remove();
  }
});
