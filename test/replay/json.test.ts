import { expect, test } from 'vitest';
import { jsonChunks, writeJson } from '../../collector/replay/json.ts';
import { sampleResults } from '../support/sample-results.ts';

const results = sampleResults({ days: 2 });

test('read back, the document is the results without their functions', () => {
  const { days, ...rest } = JSON.parse(writeJson(results));
  const { days: expected, ...expectedRest } = results;
  expect(rest).toEqual(expectedRest);
  expect(days).toHaveLength(2);
  for (const [i, day] of expected.entries()) {
    const tables = Object.entries(day).filter(([, value]) => typeof value !== 'function');
    expect(days[i]).toEqual(Object.fromEntries(tables));
  }
});

test('keys stand in the order that is promised', () => {
  const document = JSON.parse(writeJson(results));
  expect(Object.keys(document)).toEqual(['packets', 'records', 'skipped', 'geo', 'asn', 'days']);
  const [day] = document.days;
  expect(Object.keys(day).join()).toBe(
    'date,packets,sources,scanningSources,ports,countries,asns,networks,classes,tools,hours,topSources',
  );
  expect(Object.keys(day.ports[0]).join()).toBe('protocol,port,packets,sources,scanningSources');
  const icmp = day.ports.find((row: { protocol: string }) => row.protocol === 'icmp');
  expect(Object.keys(icmp).join()).toBe('protocol,type,code,packets,sources,scanningSources');
  expect(Object.keys(document.skipped)).toEqual(['arp', 'fragment', 'not-observed']);
});

test('the same results give the same bytes, a row a line, with a newline at the end', () => {
  const text = writeJson(results);
  expect(writeJson(sampleResults({ days: 2 }))).toBe(text);
  expect(text.endsWith(']}\n')).toBe(true);
  expect(text).toContain(`\n{"hour":0,"packets":${results.days[0].hours[0].packets},`);
});

test('no days, an empty table and strange names are still JSON', () => {
  const none = sampleResults({ days: 0 });
  expect(JSON.parse(writeJson(none)).days).toEqual([]);
  const [day] = sampleResults({ days: 1 }).days;
  const odd = {
    ...none,
    geo: { name: '"</script>\u0000\n', built: '' },
    days: [{ ...day, ports: [], topSources: [] }],
  };
  const document = JSON.parse(writeJson(odd));
  expect(document.geo.name).toBe(odd.geo.name);
  expect(document.days[0].ports).toEqual([]);
});

test('a table longer than a chunk loses no row and no comma', () => {
  const [day] = sampleResults({ days: 1 }).days;
  const networks = Array.from({ length: 10_000 }, (_, i) => ({
    network: `n${i}`,
    packets: i,
    sources: 1,
    scanningSources: 1,
  }));
  const long = { ...results, days: [{ ...day, networks }] };
  expect(JSON.parse(writeJson(long)).days[0].networks).toEqual(networks);
  expect([...jsonChunks(long)].length).toBeGreaterThan(3);
});
