/**
 * The whole way with TLS: sensors enrol, read captures and ship them; the collector logs, folds and tells. What its store says
 * must be what `enaga replay` says of the same captures, and a recount from the log must agree.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadGeo } from '../../common/geo/load.ts';
import type { SensorStatus } from '../../common/protocol/messages.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { darknetCapture } from '../../deploy/demo/traffic.ts';
import { capture, enaga } from '../support/enaga.ts';
import { Observatory, type SensorPlace } from '../support/observatory.ts';

const SENSORS: readonly SensorPlace[] = [
  { name: 'tokyo', economy: 'JP', network: '192.0.2.0/24' },
  { name: 'jakarta', economy: 'ID', network: '198.51.100.0/24' },
  { name: 'nairobi', economy: 'KE', network: '203.0.113.0/24' },
];
const FIXTURES = ['scanners-dark-24.pcap', 'mirai-backscatter.pcap', 'two-days.pcap', 'tool-marks.pcap'].map(capture);
const DAY_SECONDS = 86_400;
const firstDay = Date.UTC(2026, 10, 1) / 1000;
const days = 3;

const observatory = new Observatory({ tls: true });
/** Captures of each sensor. */
const captures = new Map<string, string[]>();
const networks = SENSORS.flatMap(({ network }) => ['--network', network]);

function writeCaptures(): void {
  const geo = loadGeo({ geoFiles: [] });
  for (const [number, { name, network }] of SENSORS.entries()) {
    const files = Array.from({ length: days }, (_, day) => {
      const file = path.join(observatory.folder, `${name}-${day}.pcap`);
      const start = firstDay + day * DAY_SECONDS;
      const options = {
        geo,
        network: parsePrefix(network),
        start,
        seconds: DAY_SECONDS,
        packets: 3000,
        seed: 10 * number + day,
      };
      fs.writeFileSync(file, darknetCapture({ ...options, wormHours: 24 * (day - 1) }));
      return file;
    });
    captures.set(name, [...files, ...FIXTURES]);
  }
}

const everyRead = () => [...captures.values()].flat();
const stored = async () => JSON.parse((await observatory.enaga(['days', '--json', '--wait'])).stdout);

beforeAll(async () => {
  await observatory.init();
  writeCaptures();
  await observatory.serve();
  for (const sensor of SENSORS) await observatory.addSensor(sensor);
  await Promise.all(SENSORS.map(({ name }) => observatory.sensor(name, ['run', '--read', ...captures.get(name)!])));
}, 120_000);
afterAll(() => observatory.remove());

describe('from sensors to the store, over TLS', () => {
  it('the store says what replay says of the same captures', async () => {
    const replayed = await Promise.all(
      SENSORS.map(({ name, network }) =>
        enaga(['replay', '--quiet', '--json', '-', '--network', network, ...captures.get(name)!]),
      ),
    );
    const all = JSON.parse((await enaga(['replay', '--quiet', '--json', '-', ...networks, ...allOnce()])).stdout);
    const said = await stored();
    expect(said.days.length).toBeGreaterThanOrEqual(days + 2);
    expect(said.days).toEqual(all.days);
    expect(said.packets).toBe(replayed.reduce((sum, { stdout }) => sum + JSON.parse(stdout).packets, 0));
    expect(said.records).toBe(all.records);
  });

  it('every sensor accounts for every packet, and has lost none', async () => {
    for (const { name } of SENSORS) {
      const status: SensorStatus = JSON.parse((await observatory.sensor(name, ['status', '--json'])).stdout);
      const skipped = Object.values(status.skipped).reduce((sum, count) => sum + count, 0);
      expect(status.seen).toBe(status.kernelDrops + status.interrupted + skipped + status.shipped.records);
      expect(status.spooled.batches).toBe(0);
      expect(status.lost.records).toBe(0);
      expect(status.alarms).toEqual([]);
    }
  });

  it('a recount from the log agrees, day by day', async () => {
    for (const { date } of (await stored()).days) await observatory.enaga(['recount', date]);
  });

  it('reading the same captures again counts nothing twice', async () => {
    const before = await stored();
    await observatory.sensor('tokyo', ['run', '--read', ...captures.get('tokyo')!]);
    expect(await stored()).toEqual(before);
  });

  it('a restart of the collector changes nothing', async () => {
    const before = await stored();
    expect((await observatory.stop()).code).toBe(0);
    await observatory.serve();
    expect(await stored()).toEqual(before);
  });

  it('tells a sensor revoked from one known', async () => {
    await observatory.enaga(['sensor', 'revoke', 'nairobi']);
    const more = path.join(observatory.folder, 'more.pcap');
    fs.copyFileSync(captures.get('nairobi')![0]!, more);
    const program = observatory.startSensor('nairobi', ['run', '--read', more]);
    const status = await alarmed('nairobi');
    program.child.kill('SIGTERM');
    expect((await program.outcome).code).toBe(0);
    expect(status.spooled.records).toBeGreaterThanOrEqual(3000);
    expect(status.alarms.join()).toMatch(/401|refuse|revoked/i);
  });
});

/** What a sensor says of itself as soon as it has an alarm: `status` ends with 1 then. */
async function alarmed(name: string): Promise<SensorStatus> {
  const end = Date.now() + 25_000;
  for (;;) {
    const { code, stdout } = await observatory.startSensor(name, ['status', '--json']).outcome;
    if (code === 1) return JSON.parse(stdout);
    if (Date.now() > end) throw new Error(`no alarm: ${stdout}`);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}

/** The fixtures were read by each sensor, and each kept what was for its network: replay needs them once. */
const allOnce = () => [...new Set(everyRead())];
