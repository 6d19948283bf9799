/** A collector's data directory with a log that batches are sealed into directly: what ingest does, without its network. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type { GeoEntry, NewBatch } from '../../collector/log/entry.ts';
import { Log } from '../../collector/log/log.ts';
import { LogReader } from '../../collector/log/reader.ts';
import { Registry } from '../../collector/registry/registry.ts';
import { type OpenedBatch, openLogged } from '../../collector/store/batch.ts';
import { LoggedGeographies } from '../../collector/store/geography.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { type Difference, recountDay } from '../../collector/store/recount.ts';
import { excludedOn } from '../../collector/store/tail.ts';
import type { Counters } from '../../common/batch/batch.ts';
import { sealBatch } from '../../common/batch/seal.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { CaptureReader, createBlock } from '../../common/packet/capture.ts';
import { Decoder } from '../../common/packet/decoder.ts';
import { SKIP_REASONS } from '../../common/packet/skip.ts';
import { type Prefix, parsePrefix } from '../../common/record/address.ts';
import { createRecords, type Records } from '../../common/record/record.ts';
import { writeMmdb } from './mmdb-writer.ts';
import { type PlainRecord, record, seeded, toBlock } from './records.ts';

const HOUR_MS = 3_600_000;
const MMDB = createRequire(import.meta.url).resolve(
  '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
);
export const HASH_KEY = { low: 0x13579bdf, high: 0x2468ace0 };
/** When everything is received unless said otherwise: 2026-03-05. */
export const RECEIVED_MS = Date.UTC(2026, 2, 5);

export interface BatchSpec {
  readonly sensor: number;
  readonly records: Records;
  /** Hours since 1970; the records' unless said otherwise. */
  readonly hour?: number;
  readonly from?: number;
  readonly to?: number;
  readonly receivedMs?: number;
  readonly clockOffsetMs?: number;
  readonly historic?: boolean;
  readonly counters?: Partial<Counters>;
}

export const noRecords = (hour: number): Records => ({ ...createRecords(4, 0), hour });

/** Seals batches with keys that go on for each sensor. */
export class Sealer {
  readonly #sequences = new Map<number, number>();

  seal(spec: BatchSpec): NewBatch {
    const { sensor, records, hour = records.hour, from = 0, to = 3.6e9, historic = false, clockOffsetMs = 0 } = spec;
    const { receivedMs = RECEIVED_MS, counters = {} } = spec;
    const sequence = (this.#sequences.get(sensor) ?? 0) + 1;
    this.#sequences.set(sensor, sequence);
    const skipped = counters.skipped ?? {};
    const seen = records.count + Object.values(skipped).reduce((sum, packets) => sum + packets, 0);
    const { bytes, sha256 } = sealBatch({
      header: {
        sensor: `00000000-0000-4000-8000-${sensor.toString(16).padStart(12, '0')}`,
        epoch: 1,
        sequence,
        hour,
        from,
        to,
        historic,
        counters: { seen, kernelDrops: 0, interrupted: 0, lost: [], ...counters, skipped },
      },
      records,
    });
    return {
      sensor,
      epoch: 1,
      sequence,
      sha256: Buffer.from(sha256, 'hex'),
      receivedMs,
      clockOffsetMs,
      historic,
      day: Math.floor(hour / 24),
      records: records.count,
      bytes,
    };
  }
}

/** Batches as the log would give them, without a log: from position 1 on. */
export const openAll = (batches: readonly NewBatch[]): OpenedBatch[] =>
  batches.map((batch, n) => openLogged({ ...batch, position: n + 1 }));

const [template] = fc.sample(record, { seed: 8, numRuns: 1 });

/** So many packets to one port in the first hour of a day, each of a source of its own. */
export const firstHour = (count: number, day = FIRST_DAY): Records =>
  toBlock(
    Array.from({ length: count }, (_, n): PlainRecord => {
      const src = [0x01010000 + n];
      return { ...template!, family: 4, sensor: 0, hour: 24 * day, src, dst: [0xc6336401], protocol: 6, dstPort: 23 };
    }),
  );

/** Records in blocks of one sensor, hour and family, parted at random. */
export function blocksOf(list: readonly PlainRecord[], seed: number): { sensor: number; records: Records }[] {
  const random = seeded(seed);
  const groups = Map.groupBy(list, ({ family, hour, sensor }) => `${family} ${hour} ${sensor} ${random(3)}`);
  return [...groups.values()].map(group => ({ sensor: group[0]!.sensor, records: toBlock(group) }));
}

/** The capture as blocks of records, with what was skipped of it. */
export async function readCapture(
  file: string,
  networks: readonly string[] = [],
): Promise<{ blocks: Records[]; skipped: Record<string, number> }> {
  const blocks: Records[] = [];
  const prefixes: Prefix[] = networks.map(parsePrefix);
  const decoder = new Decoder(prefixes, records => blocks.push(copied(records)));
  const reader = await CaptureReader.open(file);
  const block = createBlock();
  while (await reader.next(block)) decoder.take(block.chunk, block.packets);
  reader.close();
  decoder.flush();
  const skipped = Object.fromEntries(
    SKIP_REASONS.map((reason, n) => [reason, decoder.skipped[n]!] as const).filter(([, count]) => count > 0),
  );
  return { blocks, skipped };
}

function copied(records: Records): Records {
  const columns = Object.entries(records).map(([name, column]) => [
    name,
    ArrayBuffer.isView(column) ? (column as Uint32Array).slice() : column,
  ]);
  return Object.fromEntries(columns);
}

/** The block in parts of so many records. */
export function partsOf(block: Records, size: number): Records[] {
  return Array.from({ length: Math.ceil(block.count / size) }, (_, n) => {
    const [from, to] = [n * size, Math.min(block.count, (n + 1) * size)];
    const columns = Object.entries(block).map(([name, column]) => {
      const width = (name === 'src' || name === 'dst') && block.family === 6 ? 4 : 1;
      return [name, ArrayBuffer.isView(column) ? (column as Uint32Array).slice(from * width, to * width) : column];
    });
    return { ...Object.fromEntries(columns), count: to - from };
  });
}

/** Days that mixed traffic is of. */
const MIXED_DAYS = 3;
const MIXED_SENSORS = 3;
export const FIRST_DAY = RECEIVED_MS / (24 * HOUR_MS) - MIXED_DAYS;

/** The directory, with sensors `s0`, `s1`, ... of an economy each, and the default database as its geography. */
export class SealedLog {
  readonly dir: string;
  readonly log: Log;
  readonly registry: Registry;
  readonly sealer = new Sealer();
  readonly data: { log: string; store: string; registry: string; geo: string; peers: string };

  constructor(economies: readonly string[] = ['JP', 'TH', 'VN']) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-store-'));
    this.data = {
      log: path.join(this.dir, 'log'),
      store: path.join(this.dir, 'store.db'),
      registry: path.join(this.dir, 'registry.db'),
      geo: path.join(this.dir, 'geo'),
      peers: path.join(this.dir, 'peers.db'),
    };
    fs.mkdirSync(this.data.geo);
    fs.copyFileSync(MMDB, path.join(this.data.geo, 'default.mmdb'));
    fs.writeFileSync(path.join(this.dir, 'secret.json'), JSON.stringify({ hashKey: HASH_KEY }), { mode: 0o600 });
    fs.writeFileSync(path.join(this.dir, 'config.json'), '{}');
    this.registry = Registry.open(this.data.registry);
    this.registry.addOrganisation({ name: 'org' }, 0);
    for (const [n, economy] of economies.entries())
      this.registry.addSensor({ name: `s${n}`, owner: 'org', economy, networks: [`198.51.${n}.0/24`] }, 0);
    this.log = Log.open(this.data.log);
    this.log.appendGeo(this.geoEntry(), RECEIVED_MS);
  }

  /** The default database, as the log names it. */
  geoEntry(): Omit<GeoEntry, 'position'> {
    const { sha256, geo } = loadGeo();
    return { sha256, ...geo, files: [{ file: 'default.mmdb', role: 'geo' }] };
  }

  /** Puts a database in which everything is in XK beside it, as other.mmdb; returns its SHA-256. */
  addGeography(): string {
    const file = path.join(this.data.geo, 'other.mmdb');
    const country = { country: { iso_code: 'XK' } };
    writeMmdb(file, { databaseType: 'Test-Country', buildEpoch: 1_750_000_000, ipVersion: 6 }, [
      ['0.0.0.0/1', country],
      ['128.0.0.0/1', country],
    ]);
    return loadGeo({ geoFiles: [file] }).sha256;
  }

  /** From here on days are counted with a database of these ASes too, as asn.mmdb. */
  useAsns(asns: readonly (readonly [cidr: string, asn: number])[]): void {
    const file = path.join(this.data.geo, 'asn.mmdb');
    writeMmdb(
      file,
      { databaseType: 'Test-ASN', buildEpoch: 1_750_000_000, ipVersion: 6 },
      asns.map(([cidr, asn]) => [cidr, { autonomous_system_number: asn }]),
    );
    const { sha256, geo } = loadGeo({ asnFile: file });
    const files: GeoEntry['files'] = [
      { file: 'default.mmdb', role: 'geo' },
      { file: 'asn.mmdb', role: 'asn' },
    ];
    this.log.appendGeo({ sha256, ...geo, files }, RECEIVED_MS);
  }

  append(...specs: readonly BatchSpec[]): void {
    this.log.append(specs.map(spec => this.sealer.seal(spec)));
  }

  /** A capture as a sensor's batches. */
  async appendCapture(sensor: number, file: string, networks: readonly string[] = []): Promise<void> {
    const { blocks, skipped } = await readCapture(file, networks);
    const all = blocks.length > 0 ? blocks : [noRecords(Math.floor(RECEIVED_MS / HOUR_MS))];
    this.append(
      ...all.map((records, n) => ({ sensor, records, historic: true, counters: n === 0 ? { skipped } : {} })),
    );
  }

  /** Batches of three sensors over three days, in no order. */
  appendMixed(seed: number, blocks: readonly Records[]): void {
    const random = seeded(seed);
    this.append(
      ...blocks.map(block => ({
        sensor: random(MIXED_SENSORS),
        records: { ...block, hour: 24 * (FIRST_DAY + random(MIXED_DAYS)) + random(24) },
        from: random(1000),
        to: 1000 + random(1000),
        counters: { skipped: { arp: random(3) + 1 } },
      })),
    );
  }

  /** What of the mixed days differs between store and log, their records, and positions of damaged batches. */
  recount(): { differences: Difference[]; records: number; damaged: number[] } {
    const reader = this.reader();
    const store = StoreReader.open(this.data.store);
    try {
      const days = Array.from({ length: MIXED_DAYS }, (_, n) => FIRST_DAY + n).map(day =>
        recountDay({
          reader,
          store,
          day,
          geographies: new LoggedGeographies(this.data.geo, () => reader.geoEntries()),
          hashKey: HASH_KEY,
          excluded: excludedOn(this.registry.exclusions(), day),
          nowMs: Date.now(),
        }),
      );
      return {
        differences: days.flatMap(one => one.differences),
        records: days.reduce((sum, one) => sum + one.records, 0),
        damaged: days.flatMap(one => one.damaged.map(({ position }) => position)),
      };
    } finally {
      store.close();
      reader.close();
    }
  }

  reader = (): LogReader => LogReader.open(this.data.log);

  /** Closes what is open and removes everything. */
  remove(): void {
    this.log.close();
    this.registry.close();
    fs.rmSync(this.dir, { recursive: true });
  }
}
