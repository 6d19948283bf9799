/** Clocks that are wrong, against a real collector: what they say is kept and told, and no day's totals are touched. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StoreReader } from '../../collector/store/query.ts';
import { writeTraffic } from '../bench/traffic.ts';
import { enaga } from '../support/enaga.ts';
import { Observatory } from '../support/observatory.ts';
import { TRAFFIC_NETWORK } from '../support/sensor.ts';
import { addSensors, DAY_MS, HOUR_MS, loggedAt, putBatch, sealSpec, storedBy } from './support.ts';

const TEN_YEARS_MS = 3652 * DAY_MS;
const observatory = new Observatory();
beforeAll(async () => {
  await observatory.init();
  await observatory.serve();
});
afterAll(() => observatory.remove());

it("fault 16: a clock ten years off or stepping back is taken in, told, and outside of every day's totals", async () => {
  const [right, ahead, behind, stepping] = addSensors(observatory, 4);
  const nowMs = Date.now();
  const put = async (sensor: typeof right, sequence: number, count: number, clockMs: number) => {
    const { bytes, sha256 } = sealSpec(sensor!, { sequence, count, atMs: clockMs });
    const response = await putBatch(observatory.url, sensor!, bytes, clockMs);
    expect([response.status, await response.json()]).toMatchObject([200, { sequence, sha256 }]);
  };
  await put(right, 1, 100, nowMs);
  const before = await storedBy(observatory);
  await put(ahead, 1, 30, nowMs + TEN_YEARS_MS);
  await put(behind, 1, 40, nowMs - TEN_YEARS_MS);
  const same = await storedBy(observatory);
  expect(same).toEqual(before);
  expect([same.packets, same.records]).toEqual([100, 100]);

  // The clock is set right: what comes then counts as ever, and a step of hours back is no more than told.
  await put(ahead, 2, 7, nowMs);
  await put(stepping, 1, 11, nowMs);
  await put(stepping, 2, 13, nowMs - 2 * HOUR_MS);
  expect((await storedBy(observatory)).records).toBe(100 + 7 + 11 + 13);

  const logged = loggedAt(observatory.data);
  const offsets = logged.map(({ sensor, receivedMs, clockOffsetMs }) => {
    expect(Math.abs(receivedMs - nowMs)).toBeLessThan(60_000);
    return [sensor, Math.round(clockOffsetMs / 60_000) + 0]; // not -0
  });
  const years = TEN_YEARS_MS / 60_000;
  expect(offsets).toEqual([[0, 0], [1, years], [2, -years], [1, 0], [3, 0], [3, -120]]); // biome-ignore format: pairs
  const received = (sensor: number) => Math.floor(logged.find(one => one.sensor === sensor)!.receivedMs / DAY_MS);
  const reader = StoreReader.open(path.join(observatory.data, 'store.db'));
  expect(reader.misdated()).toEqual([
    { sensor: 1, day: received(1), packets: 30 },
    { sensor: 2, day: received(2), packets: 40 },
  ]);
  reader.close();
  const { stdout } = await observatory.enaga(['days']);
  expect(stdout).toMatch(/direct-1.*\b30\b/);
  expect(stdout).toMatch(/direct-2.*\b40\b/);
  for (const date of new Set([nowMs, nowMs - 2 * HOUR_MS].map(ms => new Date(ms).toISOString().slice(0, 10))))
    await observatory.enaga(['recount', date]);
});

it('fault 16: the sensor program under a clock that is ten years ahead, then ten behind, ships all, and counts nothing amiss', async () => {
  const capture = (n: number) => path.join(observatory.folder, `clock-${n}.pcap`);
  for (const n of [0, 1, 2]) writeTraffic(capture(n), 1000 + n, 7 + n);
  await observatory.addSensor({ name: 'off', economy: 'JP', network: TRAFFIC_NETWORK });
  const before = await storedBy(observatory);
  const underClock = async (offsetMs: number, n: number) => {
    process.env.NODE_OPTIONS = `--import=${new URL('./other-clock.ts', import.meta.url)}`; // a path may have spaces
    process.env.CLOCK_OFFSET_MS = String(offsetMs);
    try {
      await observatory.sensor('off', ['run', '--read', capture(n), '--quiet']);
      return JSON.parse((await observatory.sensor('off', ['status', '--json'], offsetMs === 0 ? 0 : 1)).stdout);
    } finally {
      delete process.env.NODE_OPTIONS;
      delete process.env.CLOCK_OFFSET_MS;
    }
  };
  for (const [n, offsetMs] of [TEN_YEARS_MS, -TEN_YEARS_MS, 0].entries()) {
    const status = await underClock(offsetMs, n);
    expect(status).toMatchObject({ spooled: { batches: 0 }, lost: { batches: 0 }, quarantined: 0 });
    expect(status.shipped.records).toBe(status.recorded);
    expect(Math.abs(status.clockOffsetMs - offsetMs)).toBeLessThan(60_000);
    const alarm = offsetMs > 0 ? /ahead of the collector's/ : /behind the collector's/;
    expect(status.alarms).toEqual(offsetMs === 0 ? [] : [expect.stringMatching(alarm)]);
    const last = loggedAt(observatory.data).at(-1)!;
    expect(Math.abs(last.clockOffsetMs - offsetMs)).toBeLessThan(60_000);
    expect(Math.abs(last.receivedMs - Date.now())).toBeLessThan(60_000);
  }
  // The captures tell when their packets came, whatever the clock of who reads them.
  const { stdout } = await enaga(['replay', '--quiet', '--json', '-', capture(0), capture(1), capture(2)]);
  const replayed = JSON.parse(stdout);
  const after = await storedBy(observatory);
  expect(after.records - before.records).toBe(replayed.records);
  expect(after.days.filter(({ date }: { date: string }) => date === '2026-01-15')).toEqual(replayed.days);
}, 60_000);

it('fault 11: records that come three days late, of a clock that is right, count on their own day', async () => {
  const before = await storedBy(observatory);
  const [sensor] = addSensors(observatory, 1);
  const atMs = Date.now() - 3 * DAY_MS;
  const { bytes } = sealSpec(sensor!, { sequence: 1, count: 17, atMs });
  expect((await putBatch(observatory.url, sensor!, bytes)).status).toBe(200);
  const after = await storedBy(observatory);
  expect(after.records).toBe(before.records + 17);
  const date = new Date(atMs).toISOString().slice(0, 10);
  expect(after.days.find((day: { date: string }) => day.date === date).packets).toBe(17);
});
