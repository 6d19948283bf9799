/**
 * Under fire: sensors and the collector are killed again and again while sensors read captures and ship them through a proxy
 * that delays, cuts and swallows. Afterwards every figure must be what `enaga replay` says of the same captures, and each sensor
 * must account for every packet.
 *
 *     ENAGA_FIRE_SEED=7 ENAGA_FIRE_KILLS=2000 npm run check -- test/pipe/fire     # longer, or a failure once more
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadGeo } from '../../common/geo/load.ts';
import type { SensorStatus } from '../../common/protocol/messages.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { darknetCapture } from '../../deploy/demo/traffic.ts';
import { enaga } from '../support/enaga.ts';
import { Observatory, type SensorPlace } from '../support/observatory.ts';
import { createRandom } from '../support/random.ts';
import { type RoughProxy, startRoughProxy } from '../support/rough-proxy.ts';

const SENSORS: readonly SensorPlace[] = [
  { name: 'tokyo', economy: 'JP', network: '192.0.2.0/24' },
  { name: 'jakarta', economy: 'ID', network: '198.51.100.0/24' },
  { name: 'nairobi', economy: 'KE', network: '203.0.113.0/24' },
];
const seed = Number(process.env.ENAGA_FIRE_SEED ?? Date.now() % 1_000_000);
const killsWanted = Number(process.env.ENAGA_FIRE_KILLS ?? 200);
const fireMsMax = 1000 * Math.max(240, 2 * killsWanted);

const DAY_SECONDS = 86_400;
const firstDay = Date.UTC(2026, 10, 1) / 1000;
const days = 4;
/** A sensor's packets of a day, without the worm. */
const packetsPerDay = 20_000;
/** Between the start of a process and its end; a program is up after about half a second. */
const lifeMsMin = 400;
const lifeMsMax = 1800;
/** So fast do sensors read that they are not done before the fire is over. */
const pace = '6000x';

const random = createRandom(seed);
const observatory = new Observatory();
const captures = new Map<string, string[]>();
let proxy: RoughProxy;
const kills = { sensors: 0, collector: 0 };

const killed = () => kills.sensors + kills.collector;
const life = () => new Promise(resolve => setTimeout(resolve, lifeMsMin + random.below(lifeMsMax - lifeMsMin)));

function writeCaptures(): void {
  const geo = loadGeo({ geoFiles: [] });
  for (const [number, { name, network }] of SENSORS.entries()) {
    const files = Array.from({ length: days }, (_, day) => {
      const file = path.join(observatory.folder, `${name}-${day}.pcap`);
      const start = firstDay + day * DAY_SECONDS;
      const how = { packets: packetsPerDay, wormHours: 24 * (day - 2), seed: 10 * number + day };
      const capture = darknetCapture({ geo, network: parsePrefix(network), start, seconds: DAY_SECONDS, ...how });
      fs.writeFileSync(file, capture);
      return file;
    });
    captures.set(name, files);
  }
}

/** Starts the sensor again and again, and kills it while the fire lasts; then lets it read to the end. */
async function keepSensor(name: string): Promise<void> {
  while (killed() < killsWanted) {
    const program = observatory.startSensor(name, ['run', '--pace', pace, '--read', ...captures.get(name)!]);
    const ended = await Promise.race([program.outcome, life()]);
    program.child.kill('SIGKILL');
    const outcome = await program.outcome;
    if (ended !== undefined && outcome.signal === null)
      throw new Error(`the sensor ${name} ended by itself with ${outcome.code}: ${outcome.stderr}`);
    kills.sensors++;
  }
}

async function keepCollector(): Promise<void> {
  while (killed() < killsWanted) {
    await life();
    await observatory.stop('SIGKILL');
    kills.collector++;
    await observatory.serve();
  }
}

beforeAll(async () => {
  process.stderr.write(`fire: ENAGA_FIRE_SEED=${seed} ENAGA_FIRE_KILLS=${killsWanted}\n`);
  await observatory.init();
  writeCaptures();
  await observatory.serve();
  proxy = await startRoughProxy(() => new URL(observatory.url).host, random);
  for (const sensor of SENSORS) await observatory.addSensor(sensor, `http://${proxy.host}`);
  proxy.begin(); // a person who enrols a sensor tries again; the test does not
  await Promise.all([keepCollector(), ...SENSORS.map(({ name }) => keepSensor(name))]);
  const finish = ({ name }: SensorPlace) => observatory.sensor(name, ['run', '--read', ...captures.get(name)!]);
  await Promise.all(SENSORS.map(finish));
}, fireMsMax);

afterAll(async () => {
  await proxy?.close();
  await observatory.remove();
});

describe(`after ${killsWanted} kills (seed ${seed})`, () => {
  it('there was a fire', () => {
    expect(killed()).toBeGreaterThanOrEqual(killsWanted);
    expect(kills.collector).toBeGreaterThan(killsWanted / 20);
    for (const count of Object.values(proxy.done)) expect(count).toBeGreaterThan(0);
  });

  it('fault 1: the store says what replay says, to the last packet', async () => {
    const { stdout } = await enaga(['replay', '--quiet', '--json', '-', ...[...captures.values()].flat()]);
    const said = JSON.parse((await observatory.enaga(['days', '--json', '--wait'])).stdout);
    const { records, days: replayed } = JSON.parse(stdout);
    expect(said.records).toBe(records);
    expect(said.days).toEqual(replayed);
  });

  it('each sensor accounts for every packet, and has lost none', async () => {
    for (const { name } of SENSORS) {
      const status: SensorStatus = JSON.parse((await observatory.sensor(name, ['status', '--json'])).stdout);
      expect(status.seen).toBe(status.recorded);
      expect(status.shipped.records).toBe(status.recorded);
      expect(status.interrupted + status.lost.records + status.spooled.records + status.open).toBe(0);
    }
  });

  it('a recount from the log agrees', async () => {
    const { days: all } = JSON.parse((await observatory.enaga(['days', '--json'])).stdout);
    for (const { date } of all) await observatory.enaga(['recount', date]);
  });
});
