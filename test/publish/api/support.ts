/**
 * A collector that has counted four days: seven sensors of four organisations, sources in several countries, and a canary for a
 * destination in every network. Its routes run in the server that takes batches.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { buildApp } from '../../../collector/ingest/app.ts';
import { Metrics } from '../../../collector/ingest/metrics.ts';
import type { Powers } from '../../../collector/ingest/powers.ts';
import { openReadSide, type ReadPowers, type ReadSideOptions } from '../../../collector/publish/api/read-powers.ts';
import { type ReadOptions, readRoutes } from '../../../collector/publish/api/routes.ts';
import { documentRoutes } from '../../../collector/publish/document/routes.ts';
import type { Sender } from '../../../collector/publish/exports/meta.ts';
import type { PublicRule } from '../../../collector/publish/roles/roles.ts';
import { Members } from '../../../collector/registry/members.ts';
import type { ClosingOptions } from '../../../collector/store/closing.ts';
import { startFolding } from '../../../collector/store/folding.ts';
import { StoreReader } from '../../../collector/store/query.ts';
import { type PlainRecord, seeded } from '../../support/records.ts';
import { blocksOf, HASH_KEY, RECEIVED_MS, SealedLog } from '../../support/sealed-log.ts';

export const DAY_MS = 86_400_000;
/** 2026-03-01 to 2026-03-04, of which the last is open. */
export const FIRST_DAY = RECEIVED_MS / DAY_MS - 4;
export const DATES = ['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04'] as const;
/** Days up to 2026-03-02 ended two whole days ago. */
export const NOW = Date.UTC(2026, 2, 5, 12);

export const SENSORS = [
  ['s0', 'alpha'],
  ['s1', 'alpha'],
  ['s2', 'beta'],
  ['s3', 'beta'],
  ['s4', 'gamma'],
  ['s5', 'gamma'],
  ['s6', 'delta'],
] as const;
/** First two octets of everything that is observed: in nothing that a foreigner reads. */
export const DARK = '198.51.';
export const canary = (sensor: number): string => `198.51.${sensor}.77`;
const canaryWord = (sensor: number): number => ((198 << 24) | (51 << 16) | (sensor << 8) | 77) >>> 0;
/** The same address in the other ways that one might be told. */
export const CANARIES = SENSORS.flatMap((_, n) => [
  canary(n),
  String(canaryWord(n)),
  canaryWord(n).toString(16),
  canary(n).split('.').reverse().join('.'),
]);

/** Of the default geography: US, JP, KR, DE. */
export const SOURCES = { US: 0x08080800, JP: 0x85000000, KR: 0xd2600000, DE: 0x4e2e0000 } as const;
const COUNTRIES = Object.values(SOURCES);

/** What only one sensor, and only sensors of two organisations, saw. */
export const RARE_PORT = 4444;
export const TWO_OWNERS_PORT = 5555;
const TCP = 6;

function traffic(): PlainRecord[] {
  const random = seeded(11);
  const list: PlainRecord[] = [];
  const add = (sensor: number, day: number, dstPort: number, more: Partial<PlainRecord> = {}) =>
    list.push({
      sensor,
      family: 4,
      hour: 24 * day + random(24),
      time: random(3_600_000) * 1000,
      src: [(COUNTRIES[random(4)]! + random(60)) >>> 0],
      dst: [canaryWord(sensor)],
      protocol: TCP,
      srcPort: 40_000,
      dstPort,
      flags: 2,
      window: 1024,
      seqFold: 0,
      tool: 0,
      ...more,
    });
  for (let day = FIRST_DAY; day < FIRST_DAY + 4; day++) {
    for (let sensor = 0; sensor < SENSORS.length; sensor++) {
      for (let n = 0; n < 60 + 5 * sensor; n++) add(sensor, day, [22, 23, 80, 443][random(4)]!);
      for (let port = 1; port <= 15; port++) add(sensor, day, 1000 + port);
      for (let n = 0; n < 4; n++) add(sensor, day, 0, { protocol: 1, srcPort: 8, flags: 0, window: 0 });
      for (let n = 0; n < 5; n++) add(sensor, day, 23, { tool: 1 });
      add(sensor, day, 53, { protocol: 17, flags: 0, window: 0 });
    }
    for (let n = 0; n < 900; n++) add(3, day, RARE_PORT);
    for (const sensor of [0, 1, 2, 3]) add(sensor, day, TWO_OWNERS_PORT);
    add(0, day, 23, { src: [0x20010db8, 0, 0, 7], dst: [0x20010db8, 0x99, 0, 0x77], family: 6 });
  }
  return list;
}

/** Without waiting: of closed days rows alone, or segments too. */
export async function fold(made: SealedLog, closing: Partial<ClosingOptions> = {}): Promise<void> {
  // Closes days before the last.
  const graceMs = Date.now() - Date.UTC(2026, 2, 4) - 60_000;
  const folding = startFolding({
    data: made.data,
    hashKey: HASH_KEY,
    checkpointMs: 20,
    closing: { graceMs, quietMs: 0, segmentsMs: 1e15, ...closing },
  });
  const isDone = () => {
    if (folding.progress().position < made.log.head()) return false;
    const store = StoreReader.open(made.data.store);
    try {
      const days = store.daysWithRecords();
      return days.length > 0 && days.every(({ closed, date }) => closed || date === DATES[3]);
    } finally {
      store.close();
    }
  };
  for (const end = Date.now() + 20_000; !isDone(); ) {
    if (Date.now() > end) throw new Error('it took too long');
    await sleep(20);
  }
  await folding.stop();
}

export type Site = Awaited<ReturnType<typeof makeSite>>;

export interface SiteOptions extends ReadOptions {
  /** Of the server. */
  readonly trustedProxies?: readonly string[];
  readonly closing?: Partial<ClosingOptions>;
  readonly rule?: Partial<PublicRule>;
  readonly renewal?: ReadSideOptions['renewal'];
  /** A database of ASes. */
  readonly asns?: readonly (readonly [cidr: string, asn: number])[];
}

const SENDER: Sender = {
  organisation: { name: 'Example CSIRT', email: 'scan@csirt.example', feedCode: 'example-scans' },
  tlp: 'amber',
};

/** With its data, which goes when it is closed. */
export async function makeSite({ closing, asns, ...options }: SiteOptions = {}) {
  const made = new SealedLog([]);
  if (asns !== undefined) made.useAsns(asns);
  for (const name of ['alpha', 'beta', 'gamma', 'delta', 'kr-csirt', 'operator'])
    made.registry.addOrganisation({ name }, 0);
  for (const [n, [name, owner]] of SENSORS.entries())
    made.registry.addSensor({ name, owner, economy: 'JP', networks: [`198.51.${n}.0/24`] }, 0);
  made.append(...blocksOf(traffic(), 3));
  await fold(made, closing);
  const members = Members.open(made.data.registry, { actor: 'test' });
  const tokens: Tokens = {
    admin: members.add({ organisation: 'operator', role: 'admin' }, NOW).token,
    beta: members.add({ organisation: 'beta', countries: ['KR'], prefixes: ['8.8.8.0/28'] }, NOW).token,
    foreign: members.add({ organisation: 'kr-csirt', countries: ['KR'] }, NOW).token,
  };
  const site = await openSite(made, tokens, options);
  return {
    ...site,
    members,
    close: async () => {
      await site.close();
      members.close();
      made.remove();
    },
  };
}

interface Tokens {
  readonly admin: string;
  /** Its own sensors, and sources in Korea and of a prefix. */
  readonly beta: string;
  /** No sensors: foreign to all of them. */
  readonly foreign: string;
}

/** A server over data that is there. */
export async function openSite(
  made: SealedLog,
  tokens: Tokens,
  { rule, trustedProxies = [], renewal, ...options }: Omit<SiteOptions, 'closing' | 'asns'> = {},
) {
  const side = openReadSide({
    data: made.data,
    sender: () => SENDER,
    ...(rule !== undefined && { rule }),
    ...(renewal && { renewal }),
  });
  const clock = { ms: NOW };
  const powers: ReadPowers = { ...side.powers, now: () => clock.ms, random: () => 0 };
  const lines: string[] = [];
  const metrics = new Metrics();
  const app = buildApp(ingestPowers(metrics), {
    logLevel: 'trace',
    logTo: { write: (line: string) => void lines.push(line) },
    version: '0.0.0',
    metricsFor: 'loopback',
    trustedProxies,
  });
  const budgets = options.budgets ?? {
    member: { burst: 100_000, perSecond: 1 },
    public: { burst: 100_000, perSecond: 1 },
  };
  app.register(async scope => readRoutes(scope, powers, { ...options, budgets }));
  app.register(async scope => documentRoutes(scope, { budgets, rule: powers.rule }));
  await app.ready();
  return {
    ...{ made, tokens, powers, clock, lines, app },
    store: side.powers.store()!,
    get: (url: string, token?: string, more: Partial<InjectOptions> = {}): Promise<LightMyRequestResponse> =>
      app.inject({
        method: 'GET',
        url,
        ...more,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...more.headers },
      }),
    close: async () => {
      await app.close();
      side.close();
    },
  };
}

/** Nobody sends here. */
const ingestPowers = (metrics: Metrics): Powers => ({
  keyOwner: () => undefined,
  endedKeyOwner: () => undefined,
  enrol: () => undefined,
  append: async () => ({ kind: 'stopped' }),
  gaps: () => [],
  metrics,
  progress: () => ({ logPosition: 0, storePosition: 0, oldestUnfoldedMs: null, damaged: 0 }),
  ready: () => ({ ok: true }),
  now: Date.now,
  random: () => 0,
  fatal: error => {
    throw error;
  },
});
