/**
 * A live sensor whose disk fills while its collector is away, with tcpdump on the same wire as the oracle: what it had to drop it
 * says, and every packet is with the collector or told as lost.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { fillDisk, mountSmallDisk, SMALL_DISK_MISSING } from '../support/small-disk.ts';
import { countOf, LiveNetwork, whyNot } from './network.ts';
import { Outpost, type Status } from './support.ts';

const why = whyNot('tcpdump', 'hping3');
if (why !== undefined) console.warn(`test/live: ${why}`);

/** Packets of each stretch: before the trouble, with the collector away, with the disk full as well, and after. */
const PACKETS = [100, 400, 700, 200] as const;

let network: LiveNetwork | undefined;
afterAll(() => network?.close());

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

it.skipIf(why !== undefined)('loses what it says, and nothing else', { timeout: 90_000 }, async context => {
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
