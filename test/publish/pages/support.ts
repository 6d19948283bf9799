/**
 * A collector that has counted days of made-up traffic of several sensors, with a worm in the last of them, and serves its pages
 * on loopback. Its clock, and the browser's, stand still at `NOW`, a Wednesday.
 */
import fs from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildApp } from '../../../collector/ingest/app.ts';
import { Metrics } from '../../../collector/ingest/metrics.ts';
import type { Powers } from '../../../collector/ingest/powers.ts';
import { adminPowers, type Heard } from '../../../collector/publish/api/admin-powers.ts';
import type { Budgets } from '../../../collector/publish/api/auth.ts';
import { openReadSide } from '../../../collector/publish/api/read-powers.ts';
import { readRoutes } from '../../../collector/publish/api/routes.ts';
import { documentRoutes } from '../../../collector/publish/document/routes.ts';
import type { Assets } from '../../../collector/publish/pages/bundle.ts';
import { pageRoutes } from '../../../collector/publish/pages/plugin.ts';
import { Members } from '../../../collector/registry/members.ts';
import { startFolding } from '../../../collector/store/folding.ts';
import { StoreReader } from '../../../collector/store/query.ts';
import { loadGeo } from '../../../common/geo/load.ts';
import { parsePrefix } from '../../../common/record/address.ts';
import { darknetCapture } from '../../../deploy/demo/traffic.ts';
import { HASH_KEY, readCapture, SealedLog } from '../../support/sealed-log.ts';

export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
export const NOW = Date.UTC(2026, 2, 18, 5, 0);
export const TODAY = '2026-03-18';
/** Monday 2026-03-16, 06:00. */
const WORM_MS = Date.UTC(2026, 2, 16, 6);

/** Of the seven sensors; the third has lost some of what it saw, the fourth has a wrong clock, the last is silent of late. */
const ECONOMIES = ['JP', 'JP', 'JP', 'KR', 'KR', 'ID', 'ID'];
const OWNERS = ['alpha', 'alpha', 'beta', 'beta', 'gamma', 'gamma', 'delta'];

const WELL: Heard = {
  atMs: NOW - 30_000,
  clockOffsetMs: 12,
  oldestUnshipped: null,
  spooledRecords: 0,
  version: '0.1.0',
  alarms: [],
};
const ALARM = 'its clock differs from the collector’s by 9.2 s: keep it by NTP';
const HEARD: readonly Heard[] = [
  ...[WELL, { ...WELL, oldestUnshipped: new Date(NOW - HOUR_MS).toISOString(), spooledRecords: 321 }, WELL],
  ...[{ ...WELL, clockOffsetMs: -9200, alarms: [ALARM] }, WELL, WELL],
];

export interface SiteOptions {
  /** Before today; of today there are the hours up to `NOW`. */
  readonly days: number;
  /** The first so many of seven sensors, of four organisations. */
  readonly sensors: number;
  /** Of each sensor, without the worm. */
  readonly packetsPerDay: number;
  readonly assets: Promise<Assets>;
  /** A database of ASes. */
  readonly asns?: readonly (readonly [cidr: string, asn: number])[];
}

export type Site = Awaited<ReturnType<typeof makeSite>>;

export async function makeSite({ days, sensors, packetsPerDay, assets, asns }: SiteOptions) {
  const made = new SealedLog([]);
  if (asns !== undefined) made.useAsns(asns);
  for (const name of new Set(OWNERS)) made.registry.addOrganisation({ name }, 0);
  made.registry.addOrganisation({ name: 'operator' }, 0);
  for (const [n, owner] of OWNERS.slice(0, sensors).entries()) {
    const { token } = made.registry.addSensor(
      { name: `sensor-${n}`, owner, economy: ECONOMIES[n]!, networks: [`198.51.${n}.0/24`] },
      0,
    );
    made.registry.enrol({ token, publicKey: Buffer.alloc(32, n).toString('base64url') }, 0);
  }
  for (let n = 0; n < sensors && days > 0; n++) await appendTraffic(made, n, days, packetsPerDay);
  if (days > 0) await fold(made);
  const members = Members.open(made.data.registry, { actor: 'test' });
  const token = members.add({ organisation: 'operator', role: 'admin' }, NOW).token;
  const beta = members.add({ organisation: 'beta', countries: ['CN'] }, NOW).token;
  const gamma = members.add({ organisation: 'gamma', countries: ['KR'] }, NOW).token;
  const delta = members.add({ organisation: 'delta' }, NOW).token;
  const side = openReadSide({ data: made.data });
  const app = buildApp(ingestPowers(), {
    logLevel: 'warn',
    logTo: { write: (line: string) => void process.stderr.write(line) },
    version: '0.0.0',
    metricsFor: 'loopback',
  });
  const plenty = { burst: 1_000_000, perSecond: 1000 };
  const budgets: Budgets = { member: plenty, public: plenty };
  const admin = adminPowers({ data: made.data, heard: sensor => HEARD[sensor] });
  app.register(async scope => readRoutes(scope, { ...side.powers, now: () => NOW }, { budgets, admin }));
  app.register(async scope => pageRoutes(scope, { assets }));
  app.register(async scope => documentRoutes(scope, { assets, budgets, rule: side.powers.rule }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    ...{ url, token, beta, gamma, delta, app, data: made.data },
    /** What /v1 says, to compare the pages with. */
    ask: async <Row>(question: string, as?: string): Promise<Row[]> => {
      const headers = as === undefined ? {} : { authorization: `Bearer ${as}` };
      const response = await fetch(`${url}${question}`, { headers });
      if (!response.ok) throw new Error(`${question}: ${response.status} ${await response.text()}`);
      return ((await response.json()) as { rows: Row[] }).rows;
    },
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
      side.close();
      members.close();
      made.remove();
    },
  };
}

/** Traffic of all the days as hourly batches; the third sensor has lost some of it, the last is silent on the last days. */
async function appendTraffic(made: SealedLog, sensor: number, days: number, packetsPerDay: number): Promise<void> {
  const start = NOW - (NOW % DAY_MS) - days * DAY_MS;
  const seconds = (NOW - start) / 1000;
  const network = `198.51.${sensor}.0/24`;
  const file = path.join(made.dir, `${sensor}.pcap`);
  const capture = darknetCapture({
    geo: loadGeo({ geoFiles: [] }),
    network: parsePrefix(network),
    start: start / 1000,
    seconds,
    packets: Math.round((packetsPerDay * (1 + 0.1 * sensor) * seconds) / 86_400),
    wormHours: (start - WORM_MS) / HOUR_MS,
    seed: sensor + 1,
  });
  fs.writeFileSync(file, capture);
  const { blocks } = await readCapture(file, [network]);
  const silentMs = sensor === 6 ? NOW - 2 * DAY_MS : NOW;
  made.append(
    ...blocks
      .filter(({ hour }) => hour * HOUR_MS < silentMs)
      .map(records => ({
        sensor,
        records,
        receivedMs: (records.hour + 1) * HOUR_MS,
        ...(sensor === 2 && { counters: { seen: records.count + 5, kernelDrops: 5 } }),
      })),
  );
}

/** Until everything is counted and the days before yesterday are closed. */
async function fold(made: SealedLog): Promise<void> {
  const openFrom = NOW - (NOW % DAY_MS) - DAY_MS;
  const folding = startFolding({
    data: made.data,
    hashKey: HASH_KEY,
    checkpointMs: 20,
    closing: { graceMs: Date.now() - openFrom - 60_000, quietMs: 0, segmentsMs: 0 },
  });
  const isDone = () => {
    if (folding.progress().position < made.log.head()) return false;
    const store = StoreReader.open(made.data.store);
    try {
      const days = store.daysWithRecords();
      return days.length > 0 && days.every(({ closed, day }) => closed || day * DAY_MS >= openFrom);
    } finally {
      store.close();
    }
  };
  for (const end = Date.now() + 30_000; !isDone(); ) {
    if (Date.now() > end) throw new Error('it took too long to count');
    await sleep(20);
  }
  await folding.stop();
}

/** Nobody sends here. */
const ingestPowers = (): Powers => ({
  keyOwner: () => undefined,
  endedKeyOwner: () => undefined,
  enrol: () => undefined,
  append: async () => ({ kind: 'stopped' }),
  gaps: () => [],
  metrics: new Metrics(),
  progress: () => ({ logPosition: 0, storePosition: 0, oldestUnfoldedMs: null, damaged: 0 }),
  ready: () => ({ ok: true }),
  now: () => NOW,
  random: () => 0,
  fatal: error => {
    throw error;
  },
});
