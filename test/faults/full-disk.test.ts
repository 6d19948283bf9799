/** Disks that are full, under a real collector and a real sensor: what was announced happens, all is counted, and it passes. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FakeCollector } from '../support/fake-collector.ts';
import { Observatory } from '../support/observatory.ts';
import { startSensor, TRAFFIC_NETWORK, writeTraffic } from '../support/sensor.ts';
import { fillDisk, mountSmallDisk, SMALL_DISK_MISSING } from '../support/small-disk.ts';
import { addSensors, loggedAt, putBatch, sealSpec, storedBy } from './support.ts';

const problemOf = async (response: Response) => ({
  status: response.status,
  type: ((await response.json()) as { type?: string }).type,
  after: Number(response.headers.get('retry-after')),
});

it('fault 4: a collector on a full disk says 503 and for how long, keeps what it has, and goes on when there is room', async context => {
  const disk = mountSmallDisk(48 * 2 ** 20);
  if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
  const observatory = new Observatory({ data: path.join(disk.dir, 'collector') });
  onTestFinished(async () => {
    await observatory.remove();
    disk.remove();
  });
  await observatory.init();
  await observatory.serve();
  const [sensor] = addSensors(observatory, 1);
  let sequence = 0;
  const put = async () => {
    const { bytes } = sealSpec(sensor!, { sequence: sequence + 1, count: 8000 });
    const response = await putBatch(observatory.url, sensor!, bytes);
    if (response.status === 200) sequence++;
    return response;
  };
  expect((await put()).status).toBe(200);
  const ballast = fillDisk(disk.dir, 300_000);
  let refused = await put();
  for (let n = 0; n < 50 && refused.status === 200; n++) refused = await put();
  const { after, ...problem } = await problemOf(refused);
  expect(problem).toEqual({ status: 503, type: 'urn:enaga:problem:disk-full' });
  expect(after).toBeGreaterThanOrEqual(30);
  const ready = await fetch(`${observatory.url}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('the disk is full')]);
  expect((await fetch(`${observatory.url}/healthz`)).status).toBe(200);
  expect(loggedAt(observatory.data)).toHaveLength(sequence);

  fs.rmSync(ballast);
  await expect.poll(async () => (await put()).status, { timeout: 10_000 }).toBe(200);
  expect((await fetch(`${observatory.url}/readyz`)).status).toBe(200);
  expect((await storedBy(observatory)).records).toBe(8000 * sequence);
});

it('fault 4: a sensor on a full disk drops its oldest batches, counts them, and writes again when there is room', async context => {
  const disk = mountSmallDisk(48 * 2 ** 20);
  if (disk === undefined) return context.skip(SMALL_DISK_MISSING);
  onTestFinished(disk.remove);
  const packets = 60_000;
  const traffic = path.join(disk.dir, 'traffic.pcap');
  writeTraffic(traffic, packets);
  const collector = await new FakeCollector().start();
  onTestFinished(() => collector.stop());
  collector.networks = [TRAFFIC_NETWORK];
  const state = path.join(disk.dir, 'state');
  const sensor = (...args: string[]) => startSensor([...args, '--state', state]).outcome;
  const statusOf = async () => JSON.parse((await sensor('status', '--json')).stdout);
  expect((await sensor('enrol', '--collector', collector.url, '--token', 'good')).code).toBe(0);
  collector.mischief = () => ({ status: 503, headers: { 'retry-after': '1' } });
  expect(await sensor('run', '--read', traffic, '--once')).toMatchObject({ code: 0 });
  const { spooled: before } = await statusOf();
  expect(before.records).toBe(packets);
  const ballast = fillDisk(disk.dir, 400_000); // less than the batches that come
  const meanwhile = path.join(disk.dir, 'while.pcap');
  fs.linkSync(traffic, meanwhile);
  expect(await sensor('run', '--read', meanwhile, '--once')).toMatchObject({ code: 0 });
  const full = await statusOf();
  expect(full.seen).toBe(2 * packets);
  expect(full.lost.records).toBeGreaterThan(packets / 2);
  expect(full.lost.records + full.spooled.records).toBe(2 * packets);
  expect(full.spooled.bytes).toBeLessThanOrEqual(before.bytes);
  expect(full.alarms.join()).toContain('the disk is full');

  fs.rmSync(ballast);
  collector.mischief = () => undefined;
  const more = path.join(disk.dir, 'more.pcap');
  fs.linkSync(traffic, more);
  expect((await sensor('run', '--read', more)).code).toBe(0);
  const { lost, shipped, spooled, seen, alarms } = await statusOf();
  expect([seen, spooled.batches, lost, alarms]).toEqual([3 * packets, 0, full.lost, []]);
  expect(shipped.records).toBe(3 * packets - lost.records);
  expect(collector.records).toBe(shipped.records);
  expect(collector.counters).toMatchObject({ seen: 3 * packets, lost: lost.records });
});
