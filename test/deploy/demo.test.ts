/** The demo's database of ASes: of its own senders alone, by numbers that nobody has. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadGeo } from '../../common/geo/load.ts';
import { lookup4 } from '../../common/geo/table.ts';
import { parsePrefix } from '../../common/record/address.ts';
import { asnDatabase } from '../../deploy/demo/asns.ts';
import { darknetCapture } from '../../deploy/demo/traffic.ts';
import { readCapture } from '../support/sealed-log.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-demo-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

/** RFC 5398. */
const isForDocumentation = (asn: number): boolean =>
  (asn >= 64_496 && asn <= 64_511) || (asn >= 65_536 && asn <= 65_551);

test('every sender is in an AS that is for documentation, several of them in each economy, and nobody else is in any', async () => {
  const file = path.join(dir, 'asns.mmdb');
  const countries = loadGeo({ geoFiles: [] });
  const bytes = asnDatabase(countries);
  expect(asnDatabase(countries).equals(bytes)).toBe(true);
  fs.writeFileSync(file, bytes);
  const geo = loadGeo({ asnFile: file });
  expect(geo.asn!.name).toMatch(/made-up.*架空/);

  const capture = path.join(dir, 'day.pcap');
  const network = '192.0.2.0/24';
  const day = { start: 0, seconds: 86_400, packets: 4000, wormHours: 48, seed: 1 };
  fs.writeFileSync(capture, darknetCapture({ geo: countries, network: parsePrefix(network), ...day }));
  const { blocks } = await readCapture(capture, [network]);
  const sources = blocks.flatMap(({ src, count }) => [...src.subarray(0, count)]);
  expect(sources.length).toBeGreaterThan(4000);
  const asnsOf = new Map<string, Set<number>>();
  for (const source of sources) {
    const place = lookup4(geo, source);
    const [country, asn] = [geo.countries[geo.placeCountry[place]!]!, geo.placeAsn[place]!];
    expect([source, isForDocumentation(asn)]).toEqual([source, true]);
    asnsOf.set(country, (asnsOf.get(country) ?? new Set()).add(asn));
  }
  expect(asnsOf.size).toBe(16);
  for (const [country, asns] of asnsOf) expect([country, asns.size]).toEqual([country, 3]);
  // Of 1,000 addresses spread over all of IPv4 some are in no block of theirs.
  const spread = Array.from({ length: 1000 }, (_, n) => geo.placeAsn[lookup4(geo, n * 4_294_967)]!);
  expect(spread.filter(asn => asn === 0).length).toBeGreaterThan(900);
  expect(spread.every(asn => asn === 0 || isForDocumentation(asn))).toBe(true);
});
