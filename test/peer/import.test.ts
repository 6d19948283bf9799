/** `enaga import`: what it counts is what `enaga replay` counts of the same captures; and each file once. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../collector/publish/exports/row.ts';
import { shadowserver } from '../../collector/publish/exports/shadowserver.ts';
import { writeJson } from '../../collector/replay/json.ts';
import { replay } from '../../collector/replay/replay.ts';
import { loadGeo } from '../../common/geo/load.ts';
import { capture } from '../support/enaga.ts';
import { run } from './run.ts';
import { FIRST, writeCapture } from './support.ts';

let dir: string;
let data: string;
beforeEach(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-import-'));
  data = path.join(dir, 'data');
  await run(data, 'init');
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const CAPTURES = ['two-days.pcap', 'tool-marks.pcap', 'mirai-backscatter.pcap'].map(capture);

/** Observed networks are dropped, and addresses of sources are not shown. */
async function replayed(captures: string[]) {
  const geo = loadGeo({ geoFiles: [] });
  const { results } = await replay({ captures, networks: [], geo, threads: 1, distinct: true });
  const { days, ...rest } = JSON.parse(writeJson(results));
  return { ...rest, days: days.map((day: object) => ({ ...day, networks: [], topSources: [] })) };
}
const kept = async (label: string) => JSON.parse((await run(data, 'peer', 'days', label, '--json')).stdout);

describe('captures', () => {
  test('one after another, they come to what replay says of all: merged, not summed', async () => {
    for (const one of CAPTURES) expect((await run(data, 'import', '--label', 'honeynet', one)).code).toBe(0);
    const expected = await replayed(CAPTURES);
    expect(expected.days.length).toBeGreaterThan(1);
    expect(await kept('honeynet')).toEqual(expected);
  });

  test('a file counts once, by its content', async () => {
    const file = CAPTURES[0]!;
    await run(data, 'import', '--label', 'twice', file);
    const before = await kept('twice');
    const copy = path.join(dir, 'other-name.pcap');
    fs.copyFileSync(file, copy);
    const again = await run(data, 'import', '--label', 'twice', file, copy);
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(again.stdout.match(/twice has counted it already: nothing is counted twice/g)).toHaveLength(2);
    expect(await kept('twice')).toEqual(before);
    await run(data, 'import', '--label', 'another', file); // of another label it is another source's
    expect(await kept('another')).toEqual(before);
    await run(data, 'peer', 'remove', 'twice');
    expect((await run(data, 'peer', 'days', 'twice')).stderr).toContain('no peer or import is called twice');
    await run(data, 'import', '--label', 'twice', file);
    expect(await kept('twice')).toEqual(before);
  });

  test('damage: what came before it counts, once, and the exit code is 3; the other files go on', async () => {
    const bytes = fs.readFileSync(CAPTURES[0]!);
    const cut = path.join(dir, 'cut.pcap');
    fs.writeFileSync(cut, bytes.subarray(0, bytes.length - 7));
    const empty = path.join(dir, 'empty.pcap');
    fs.writeFileSync(empty, 'no capture at all');
    const none = path.join(dir, 'none.pcap');
    const ran = await run(data, 'import', '--label', 'torn', cut, empty, none, CAPTURES[1]!);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toMatch(/cut\.pcap: damaged at byte \d+: .*\. Everything before it is counted\n/);
    expect(ran.stderr).toContain('empty.pcap: damaged at byte 0');
    expect(ran.stderr).toContain('none.pcap: cannot be read: there is no such file');
    expect(await kept('torn')).toEqual(await replayed([cut, CAPTURES[1]!]));
    const packed = await run(data, 'import', '--label', 'packed', capture('broken-gzip-cut.pcap.gz'));
    expect(packed.stderr).toMatch(
      /\.gz: damaged at byte 692 of what it unpacks to: .*\. Everything before it is counted\n/,
    );
    expect((await run(data, 'import', '--label', 'torn', cut)).stdout).toContain('already');
  });

  test('captures of other years stand under one label', async () => {
    const files = [FIRST, 14_000].map(day =>
      writeCapture(path.join(dir, `${day}.pcap`), { network: '192.0.2.0/24', day, packets: 50, seed: day }),
    );
    for (const file of files) await run(data, 'import', '--label', 'years', file);
    expect(await kept('years')).toEqual(await replayed(files));
  });

  test('a day is of one geography; a label is no peer', async () => {
    await run(data, 'import', '--label', 'geo', CAPTURES[0]!);
    const registry = path.join(dir, 'delegated');
    fs.writeFileSync(
      registry,
      '2|apnic|20260301|1|19830101|20260301|+1000\napnic|JP|ipv4|133.0.0.0|65536|20000101|allocated\n',
    );
    const before = await kept('geo');
    const other = path.join(dir, 'other.pcap.gz');
    fs.writeFileSync(other, gzipSync(fs.readFileSync(CAPTURES[0]!)));
    const mixed = await run(data, 'import', '--label', 'geo', '--geo', registry, other);
    expect([mixed.code, mixed.stderr]).toEqual([1, expect.stringContaining('counted with another country database')]);
    expect(await kept('geo')).toEqual(before);
    await run(data, 'peer', 'add', 'jakarta', '--url', 'http://127.0.0.1:9');
    const named = await run(data, 'import', '--label', 'jakarta', CAPTURES[0]!);
    expect([named.code, named.stderr]).toEqual([1, 'enaga import: jakarta is a peer: give the import another label\n']);
    expect((await run(data, 'import', '--label', '../x', CAPTURES[0]!)).code).toBe(1);
    expect((await run(data, 'peer', 'pull', 'geo')).stderr).toContain('geo is an import');
  });

  test('observed networks of the other system are in nothing that is kept or shown', async () => {
    const file = capture('scanners-dark-24.pcap');
    await run(data, 'import', '--label', 'quiet', file);
    const shown = [
      (await run(data, 'peer', 'days', 'quiet', '--json')).stdout,
      (await run(data, 'peer', 'days', 'quiet')).stdout,
      (await run(data, 'peer', 'list', '--json')).stdout,
    ].join();
    const geo = loadGeo({ geoFiles: [] });
    const { results } = await replay({ captures: [file], networks: [], geo, threads: 1, distinct: true });
    const networks = results.days.flatMap(day => day.networks.map(({ network }) => network));
    expect(networks.length).toBeGreaterThan(0);
    for (const network of networks) expect(shown).not.toContain(network.replace(/\.0\/24$/, '.'));
  });
});

const HEADER =
  '"timestamp","protocol","src_ip","src_port","src_asn","src_geo","dst_ip","dst_port","infection","tag","count"\n';
const line = (...cells: (string | number)[]) => `${cells.map(cell => `"${String(cell)}"`).join(',')}\n`;

describe("Shadowserver's darknet events", () => {
  const write = (name: string, text: string | Buffer) => {
    const file = path.join(dir, name);
    fs.writeFileSync(file, text);
    return file;
  };
  const csv = (...files: string[]) =>
    run(data, 'import', '--label', 'shadow', '--format', 'shadowserver', '--json', ...files);

  test('each event is as many packets as it says; what is none is counted by its reason', async () => {
    const text =
      HEADER +
      line('2026-03-01 00:00:01', 'tcp', '8.8.8.8', 40000, 15169, 'US', '192.0.2.1', 23, 'mirai', 'scan;mirai', 3) +
      line('2026-03-01 05:00:01', 'tcp', '8.8.8.8', 40000, '', '', '', 23, '', 'mirai', 1) +
      line('2026-03-01 05:00:02', 'udp', '133.0.0.1', 53, '', '', '', 1900, '', '', 1) +
      line('2026-03-01 05:00:02', 'tcp', '133.0.0.2', 80, '', '', '', 4444, '', 'backscatter', '') +
      line('2026-03-01 23:59:59', 'icmp', '133.0.0.3', '', '', '', '', '', '', 'scan;icmp-8-0', 1) +
      line('2026-03-02 00:00:00', 'tcp', '2001:4860:4860::8888', 1, '', '', '', 443, '', '', 2) +
      line('2026-02-30 00:00:00', 'tcp', '8.8.8.8', 1, '', '', '', 1, '', '', 1) +
      line('2126-01-01 00:00:00', 'tcp', '8.8.8.8', 1, '', '', '', 1, '', '', 1) +
      line('2026-03-01 00:00:00', 'tcp', '8.8.8.8/8', 1, '', '', '', 1, '', '', 1) +
      line('2026-03-01 00:00:00', 'tcp', '8.8.8.8', 1, '', '', '', 99999, '', '', 1) +
      line('2026-03-01 00:00:00', 'icmp', '8.8.8.8', '', '', '', '', '', '', '', 1) +
      line('2026-03-01 00:00:00', 'tcp', '8.8.8.8', 1, '', '', '', 1, '', '', 1e12) +
      line('short', 'line');
    const ran = await csv(write('a.csv', text));
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)[0]).toMatchObject({
      ...{ state: 'imported', days: 2, packets: 16, records: 9 },
      skipped: { time: 2, source: 1, target: 2, count: 1, columns: 1 },
    });
    const { days, packets } = await kept('shadow');
    expect(packets).toBe(16);
    expect(days.map(({ date, packets }: { date: string; packets: number }) => [date, packets])).toEqual([
      ['2026-03-01', 7],
      ['2026-03-02', 2],
    ]);
    const [first, second] = days;
    expect(first.ports).toEqual([
      { protocol: 'tcp', port: 23, packets: 4, sources: 1, scanningSources: 1 },
      { protocol: 'icmp', type: 8, code: 0, packets: 1, sources: 1, scanningSources: 1 },
      { protocol: 'tcp', port: 4444, packets: 1, sources: 1, scanningSources: 0 },
      { protocol: 'udp', port: 1900, packets: 1, sources: 1, scanningSources: 0 },
    ]);
    expect(
      first.countries.map(({ country, packets }: { country: string; packets: number }) => [country, packets]),
    ).toEqual([
      ['US', 4],
      ['JP', 3],
    ]);
    expect(first.tools.mirai).toEqual({ packets: 4, sources: 1 });
    expect(second.countries[0]).toMatchObject({ country: 'US', packets: 2, sources: 1 });
    expect((await csv(write('b.csv', text))).stdout).toContain('"known"');
  });

  test('what is no such file is damage, with its byte; a torn one counts to there', async () => {
    const torn = `${HEADER}${line('2026-03-01 00:00:01', 'tcp', '8.8.8.8', 1, '', '', '', 23, '', '', 1)}"2026-03-01 00:`;
    const ran = await csv(
      write('torn.csv', torn),
      write('other.csv', 'a,b,c\n1,2,3\n'),
      write('x.csv', `${HEADER}"a"b\n`),
    );
    expect(ran.code).toBe(3);
    expect(ran.stderr).toMatch(/torn\.csv: damaged at byte \d+: it ends within a quoted field\. Everything before/);
    expect(ran.stderr).toContain('other.csv: damaged at byte 0: its header lacks one of timestamp');
    expect(ran.stderr).toContain('x.csv: damaged at byte 0: text after the end of a quoted field');
    expect((await kept('shadow')).records).toBe(1);
    const packed = await csv(write('torn.csv.gz', gzipSync(torn)));
    expect(packed.stderr).toMatch(/torn\.csv\.gz: damaged at byte \d+ of what it unpacks to: it ends within/);
  });

  test('a file of ours comes back as it was counted', async () => {
    const row: Row = {
      ...{ source: '8.8.8.8', family: 4, protocol: 6, sourcePort: 1, port: 23, type: null, code: null, country: 'US' },
      ...{ asn: 15169, economy: '', flags: 2, class: 'scan', tools: ['mirai'], timeUs: Date.UTC(2026, 2, 1) * 1000 },
    };
    const rows: Row[] = [row, { ...row, source: '8.8.4.4' }, { ...row, class: 'backscatter', tools: [] }];
    const meta = { organisation: { name: 'x', email: 'x@example.com', feedCode: 'x' } };
    let text = '';
    for await (const piece of shadowserver([rows], meta as never)) text += piece;
    expect((await csv(write('ours.csv', text))).code).toBe(0);
    const [day] = (await kept('shadow')).days;
    expect(day.ports).toEqual([{ protocol: 'tcp', port: 23, packets: 3, sources: 2, scanningSources: 2 }]);
    expect([day.classes.scan.packets, day.classes.backscatter.packets, day.tools.mirai.packets]).toEqual([2, 1, 2]);
  });
});
