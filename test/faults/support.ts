/** Sensors of a few lines that speak to a real collector: they seal, sign and send what a test wants, when it wants. */
import path from 'node:path';
import { LogReader } from '../../collector/log/reader.ts';
import { Registry } from '../../collector/registry/registry.ts';
import type { Counters } from '../../common/batch/batch.ts';
import { type Sealed, sealBatch } from '../../common/batch/seal.ts';
import { createRecords } from '../../common/record/record.ts';
import { batchRequest, newKeys, send, signed, type TestSensor } from '../ingest/support.ts';
import type { Observatory } from '../support/observatory.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Sensors with a key each, added beside the collector that runs. The organisation is there. */
export function addSensors(observatory: Observatory, count: number): TestSensor[] {
  const registry = Registry.open(path.join(observatory.data, 'registry.db'));
  try {
    const there = registry.sensors().length;
    return Array.from({ length: count }, (_, i) => {
      const n = there + i;
      const networks = [`198.18.${n}.0/24`];
      const added = registry.addSensor(
        { name: `direct-${n}`, owner: 'example-csirt', economy: 'JP', networks },
        Date.now(),
      );
      const keys = newKeys();
      const enrolment = registry.enrol({ token: added.token, publicKey: keys.publicText }, Date.now())!;
      return { enrolment, token: added.token, networks, ...keys };
    });
  } finally {
    registry.close();
  }
}

export interface BatchSpec {
  readonly sequence: number;
  readonly epoch?: number;
  readonly count?: number;
  /** Milliseconds since 1970, by the sensor's clock. */
  readonly atMs?: number;
  readonly historic?: boolean;
  readonly lost?: Counters['lost'];
  /** Makes other content. */
  readonly salt?: number;
}

/** The same spec gives the same batch. Sources, ports and times are spread by sequence, so that no two batches are alike. */
export function sealSpec({ enrolment }: TestSensor, spec: BatchSpec): Sealed {
  const { sequence, epoch = 1, count = 20, atMs = Date.now(), historic = false, lost = [], salt = 0 } = spec;
  const hour = Math.floor(atMs / HOUR_MS);
  const records = createRecords(4, count);
  Object.assign(records, { hour, count });
  for (let i = 0; i < count; i++) {
    const mixed = Math.imul(sequence * 1000 + i + 1, 0x9e3779b1) >>> 0;
    records.src[i] = 0x08000000 + (mixed >>> 8) + salt;
    records.dst[i] = 0xc6120000 + (mixed & 0xff);
    records.time[i] = mixed % 3_600_000_000;
    records.dstPort[i] = [23, 80, 445, 2323][mixed & 3]!;
    records.protocol[i] = 6;
  }
  const seen = count + lost.reduce((sum, range) => sum + range.records, 0);
  const counters = { seen, kernelDrops: 0, interrupted: 0, skipped: {}, lost };
  const header = { sensor: enrolment.sensor, epoch, sequence, hour, from: 0, to: 3.6e9, historic, counters };
  return sealBatch({ header, records });
}

/** Signs by a clock of the sensor's own. */
export const putBatch = async (
  url: string,
  sensor: TestSensor,
  bytes: Uint8Array,
  clockMs = Date.now(),
): Promise<Response> => send(url, await signed(sensor, batchRequest(bytes), clockMs));

/** Everything that a collector's log holds. */
export function loggedAt(data: string) {
  const reader = LogReader.open(path.join(data, 'log'));
  try {
    const found = [];
    for (let from = 0; ; from = found.at(-1)!.position) {
      const more = reader.after(from, { batches: 1000, bytes: 1e9 });
      found.push(...more);
      if (more.length === 0) return found;
    }
  } finally {
    reader.close();
  }
}

/** What the store says when everything logged is in it. */
export const storedBy = async (observatory: Observatory) =>
  JSON.parse((await observatory.enaga(['days', '--json', '--wait'])).stdout);
