/** Generated days for the sensors of a test, and what `enaga replay` says of them: the figures an observatory must come to. */
import fs from 'node:fs';
import path from 'node:path';
import { loadGeo } from '../../common/geo/load.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { darknetCapture } from '../../deploy/demo/traffic.ts';
import { enaga } from '../support/enaga.ts';
import type { SensorPlace } from '../support/observatory.ts';

const DAY_SECONDS = 86_400;
const FIRST_DAY = Date.UTC(2026, 10, 1) / 1000;

/** One file a day from `day` on. */
export function writeDays(folder: string, place: SensorPlace, day: number, count: number, packets = 2000): string[] {
  const geo = loadGeo({ geoFiles: [] });
  return Array.from({ length: count }, (_, n) => {
    const file = path.join(folder, `${place.name}-${day + n}.pcap`);
    const start = FIRST_DAY + (day + n) * DAY_SECONDS;
    const how = { packets, wormHours: 0, seed: 100 * day + n };
    const network = parsePrefix(place.network);
    fs.writeFileSync(file, darknetCapture({ geo, network, start, seconds: DAY_SECONDS, ...how }));
    return file;
  });
}

export async function replayed(captures: readonly string[]): Promise<{ records: number; days: unknown[] }> {
  const { stdout } = await enaga(['replay', '--quiet', '--json', '-', ...captures]);
  return JSON.parse(stdout);
}
