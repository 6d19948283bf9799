/** `enaga export` as an operator runs it, over a log that batches were sealed into. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { CommanderError } from 'commander';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportCommand } from '../../../collector/commands/export.ts';
import { startFolding } from '../../../collector/store/folding.ts';
import { loadGeo } from '../../../common/geo/load.ts';
import { lookup4 } from '../../../common/geo/table.ts';
import { formatAddress4, formatAddress6 } from '../../../common/record/address.ts';
import { enaga } from '../../support/enaga.ts';
import { type PlainRecord, record, toBlock } from '../../support/records.ts';
import { HASH_KEY, SealedLog } from '../../support/sealed-log.ts';
import { readIntelmq, readIodef } from './readers.ts';
import { ALL_SHAPES } from './run.ts';

const DATE = '2026-03-02';
const HOUR = Date.parse(`${DATE}T05:00:00Z`) / 3_600_000;
const DAY = Math.floor(HOUR / 24);

/** Where packets went: an address of each family that occurs in nothing else, and its forms. */
const CANARY4 = 0xc63317d3; // 198.51.23.211
const CANARY6 = [0x20010db8, 0xfeedbeef, 0xcafe1234, 0x5678abcd];
const CANARIES = [
  formatAddress4(CANARY4),
  String(CANARY4),
  CANARY4.toString(16),
  '198.51.23',
  'feed:beef',
  'cafe:1234',
  'feedbeef',
  formatAddress6(CANARY6[0]!, CANARY6[1]!, CANARY6[2]!, CANARY6[3]!),
];
/** Nor is said which sensor saw a packet, or where it stands. */
const SENSORS = ['s0', 's1', 's2', '00000000-0000-4000-8000', '198.51.0.0', '198.51.1.0'];

let log: SealedLog;
let folder: string;
let country: string;
let kept: PlainRecord[];

const [template] = fc.sample(record, { seed: 5, numRuns: 1 });
const scan = (src: number, n: number, more: Partial<PlainRecord> = {}): PlainRecord => ({
  ...template!,
  family: 4,
  sensor: 0,
  hour: HOUR,
  time: n * 1000,
  src: [src],
  dst: [CANARY4],
  protocol: 6,
  flags: 2,
  srcPort: 40_000 + n,
  dstPort: 23,
  tool: n % 2,
  ...more,
});

/** An address of a country whose next hundred are there too, and one of elsewhere. */
function addresses(): { country: string; home: number; away: number } {
  const geo = loadGeo();
  const of = (address: number) => geo.countries[geo.placeCountry[lookup4(geo, address)]!]!;
  const home = 0x01000000 + (1 << 16); // 1.1.0.0: allocated since 2010
  const away = Array.from({ length: 200 }, (_, n) => (n << 24) >>> 0).find(
    address => of(address) !== '??' && of(address) !== of(home),
  )!;
  return { country: of(home), home, away };
}

beforeAll(() => {
  log = new SealedLog(['JP', 'TH', 'VN']);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'enaga-export-'));
  const found = addresses();
  country = found.country;
  kept = Array.from({ length: 40 }, (_, n) => scan(found.home + (n % 7), n));
  const foreign = Array.from({ length: 10 }, (_, n) => scan(found.away, n));
  const backscatter = [scan(found.home, 77, { flags: 0x12, srcPort: 777 })];
  log.append(
    { sensor: 0, records: toBlock([...kept.slice(0, 25), ...foreign, ...backscatter]) },
    { sensor: 1, records: toBlock(kept.slice(25)) },
    { sensor: 0, records: toBlock([scan(found.home, 88, { srcPort: 888 })]), clockOffsetMs: 2 * 86_400_000 },
    { sensor: 2, records: toBlock([scan(found.home, 99, { srcPort: 999 })]) },
    { sensor: 0, records: toBlock([scan(found.home, 66, { srcPort: 666, hour: HOUR + 24 })]) },
    {
      sensor: 0,
      records: toBlock([{ ...scan(0, 1), family: 6, src: [0x20010200, 0, 0, 1], dst: CANARY6 }]),
    },
  );
  log.registry.exclude('s2', DAY, DAY, 'its network was scanned by its owner', Date.UTC(2026, 2, 6));
  const settings = { organisation: 'Example CSIRT', email: 'scan@csirt.example', feed: 'example-scans' };
  fs.writeFileSync(path.join(log.dir, 'exports.json'), JSON.stringify(settings));
});

afterAll(() => {
  log.remove();
  fs.rmSync(folder, { recursive: true });
});

const run = (format: string, ...more: string[]) =>
  enaga(['export', '--data', log.dir, '--date', DATE, '--country', country, '--format', format, ...more]);

/** Everything a run of a format wrote, with names of files. */
async function written(format: string, shape: string): Promise<string> {
  const out = path.join(folder, `${format}-${shape}`);
  fs.rmSync(out, { recursive: true, force: true });
  fs.mkdirSync(out);
  const shapes = format.startsWith('iodef') ? ['--shape', shape] : [];
  const { code, stdout, stderr } = await run(format, ...shapes, '--class', 'all', '--sensor-economy', '--out', out);
  expect([code, stderr]).toEqual([0, '']);
  const files = fs.readdirSync(out);
  expect(files.filter(file => file.endsWith('.tmp'))).toEqual([]);
  return [stdout, ...files.flatMap(file => [file, fs.readFileSync(path.join(out, file), 'utf8')])].join('\n');
}

describe('what is exported', () => {
  it('scans of the country on that day: no backscatter, no excluded sensor, no misdated batch, nothing from elsewhere', async () => {
    const { code, stdout, stderr } = await run('iodef-v2');
    expect([code, stderr]).toEqual([0, '']);
    const rows = readIodef(stdout);
    expect(rows.map(({ sourcePort }) => sourcePort)).toEqual(kept.map(({ srcPort }) => srcPort));
    expect(rows.map(({ source }) => source)).toEqual(kept.map(({ src }) => formatAddress4(src[0]!)));
    expect(rows.every(({ time }) => time.startsWith(`${DATE}T05:00:00.`))).toBe(true);
    expect(stdout).toContain('restriction="amber"');
    expect(stdout).toContain(`${DATE}-${country}-r1`);
  });

  it('with --class all also backscatter, which says so', async () => {
    const { stdout } = await run('intelmq', '--class', 'all');
    const rows = readIntelmq(stdout);
    expect(rows).toHaveLength(kept.length + 1);
    expect(rows.filter(row => row.class === 'backscatter').map(({ sourcePort }) => sourcePort)).toEqual([777]);
    expect(rows.every(({ economy }) => economy === '')).toBe(true);
  });

  it('the economy of the sensor when asked for', async () => {
    const { stdout } = await run('intelmq', '--sensor-economy');
    expect(readIntelmq(stdout).map(({ economy }) => economy)).toEqual(kept.map((_, n) => (n < 25 ? 'JP' : 'TH')));
  });

  it('with the geography in force when the day began, not the one now', async () => {
    const before = await run('intelmq');
    log.log.appendGeo({ ...log.geoEntry(), sha256: log.addGeography(), files: [{ file: 'other.mmdb', role: 'geo' }] });
    expect(await run('intelmq')).toEqual(before);
  });

  it('no packet that says to be from an observed address, of which there is a count', async () => {
    const other = new SealedLog(['JP']);
    const home = kept[0]!.src[0]!;
    other.registry.change('s0', { networks: [`${formatAddress4(home)}/32`] }, 0);
    other.registry.change('s0', { networks: ['198.51.0.0/24'] }, 0); // as it was
    other.append({ sensor: 0, records: toBlock([scan(home, 1, { dst: [home] }), scan(home + 1, 2)]) });
    const sender = ['--organisation', 'A', '--email', 'a@b.example', '--feed', 'f'];
    const { code, stdout, stderr } = await run('intelmq', '--data', other.dir, ...sender);
    other.remove();
    expect([code, readIntelmq(stdout).map(({ source }) => source)]).toEqual([0, [formatAddress4(home + 1)]]);
    expect(stderr).toBe(
      'enaga export: 1 packets are left out: as their source they have an address that a sensor observes\n',
    );
  });

  it('the revision that the store has of the day, unless another is given', async () => {
    const other = new SealedLog(['JP']);
    other.append({ sensor: 0, records: toBlock(kept.slice(0, 3)) });
    const folding = startFolding({ data: other.data, hashKey: HASH_KEY, checkpointMs: 1 });
    await expect.poll(() => folding.progress().position, { timeout: 20_000 }).toBe(2);
    await folding.stop();
    const store = new Database(other.data.store);
    store.exec('UPDATE days SET revision = 3');
    store.close();
    const sender = ['--organisation', 'A', '--email', 'a@b.example', '--feed', 'f'];
    const revision = async (...more: string[]) =>
      /-r(\d+)/.exec((await run('iodef-v2', '--data', other.dir, ...sender, ...more)).stdout)![1];
    expect([await revision(), await revision('--revision', '5')]).toEqual(['3', '5']);
    other.remove();
  });

  it('a country that the geography does not have: a slip of the pen, and not an empty day', async () => {
    const { code, stdout, stderr } = await run('intelmq', '--country', 'QQ');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^enaga export: geo-whois-asn-country has no country QQ\n$/);
  });

  it('a country without a scan on that day: a valid document without events', async () => {
    const { code, stdout } = await enaga([
      'export',
      '--data',
      log.dir,
      '--date',
      DATE,
      '--country',
      'is',
      '--format',
      'iodef-json',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).Incident[0]).not.toHaveProperty('EventData');
  });
});

describe('the audit', () => {
  const audited = async () => JSON.parse((await enaga(['audit', '--json', '--data', log.dir, '--top', '1'])).stdout);

  it('has each export: by whom, the format, the day and the country', async () => {
    const { code } = await run('intelmq', '--class', 'scan');
    const [entry] = await audited();
    expect([code, entry]).toEqual([
      0,
      {
        ...{ at: expect.any(String), actor: os.userInfo().username, action: 'read export intelmq' },
        detail: { command: 'enaga export', date: DATE, country, class: 'scan', revision: 1 },
      },
    ]);
    await written('misp', 'records');
    expect((await audited())[0].action).toBe('read export misp');
  });

  it('comes first: nothing is written of what cannot be noted', async () => {
    const registry = new Database(log.data.registry);
    registry.exec("CREATE TRIGGER shut BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'shut'); END");
    const file = path.join(folder, 'unnoted');
    const outcomes = [await run('intelmq'), await run('intelmq', '--out', file)];
    registry.exec('DROP TRIGGER shut');
    registry.close();
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: 'enaga export: shut\n' });
    expect(fs.existsSync(file)).toBe(false);
  });
});

describe('what is never in it', () => {
  it.each(ALL_SHAPES)('%s (%s): where packets went, and which sensor saw them', async (format, shape) => {
    const text = await written(format, shape);
    expect(text).toContain(formatAddress4(kept[0]!.src[0]!));
    for (const canary of [...CANARIES, ...SENSORS]) expect(text.toLowerCase()).not.toContain(canary);
  });
});

describe('where it goes', () => {
  it.each(['iodef-v2', 'misp'])('%s: the same bytes each time', async format => {
    expect(await written(format, 'records')).toBe(await written(format, 'records'));
  });

  it('to a file, or under its own name into a directory', async () => {
    const file = path.join(folder, 'kr.csv');
    expect((await run('shadowserver', '--out', file)).code).toBe(0);
    const out = path.join(folder, 'new') + path.sep;
    expect((await run('shadowserver', '--out', out)).code).toBe(0);
    expect(fs.readdirSync(out)).toEqual([`${DATE}-event4_honeypot_darknet-${country}.csv`]);
    const { stdout } = await run('shadowserver');
    expect(fs.readFileSync(file, 'utf8')).toBe(stdout);
    expect(fs.readFileSync(path.join(out, fs.readdirSync(out)[0]!), 'utf8')).toBe(stdout);
  });

  it('a MISP feed keeps its other days, and has each once', async () => {
    const feed = path.join(folder, 'feed');
    const day = (date: string) =>
      enaga(['export', '--data', log.dir, '--date', date, '--country', country, '--format', 'misp', '--out', feed]);
    for (const date of [DATE, '2026-03-03', DATE]) expect((await day(date)).code).toBe(0);
    const manifest = JSON.parse(fs.readFileSync(path.join(feed, 'manifest.json'), 'utf8'));
    const events = Object.keys(manifest);
    expect(fs.readdirSync(feed).sort()).toEqual(
      [...events.map(id => `${id}.json`), 'hashes.csv', 'manifest.json'].sort(),
    );
    expect(
      Object.values(manifest)
        .map(one => (one as { date: string }).date)
        .sort(),
    ).toEqual([DATE, '2026-03-03']);
    const hashes = fs.readFileSync(path.join(feed, 'hashes.csv'), 'utf8').split('\n').slice(0, -1);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashes).toHaveLength(7 + 1);
  });

  it('a foreign manifest is left alone', async () => {
    const feed = path.join(folder, 'foreign');
    fs.mkdirSync(feed);
    fs.writeFileSync(path.join(feed, 'manifest.json'), 'not mine');
    const { code, stderr } = await run('misp', '--out', feed);
    expect(code).toBe(1);
    expect(stderr).toMatch(/manifest\.json is no manifest of a MISP feed/);
    expect(fs.readdirSync(feed)).toEqual(['manifest.json']);
    expect(fs.readFileSync(path.join(feed, 'manifest.json'), 'utf8')).toBe('not mine');
  });
});

describe('what goes wrong is said', () => {
  it.each<[string, string[], RegExp]>([
    ['a date that is none', ['--date', '2026-02-30'], /UTC date/],
    ['a country that is none', ['--country', 'Japan'], /two letters/],
    ['an unknown format', ['--format', 'pdf'], /iodef-v1, iodef-v2, iodef-json, intelmq, shadowserver, misp, stix/],
    ['MISP to standard output', ['--format', 'misp'], /several files: give a directory with --out/],
    ['a shape where there is but one', ['--format', 'stix', '--shape', 'csv'], /leave --shape out/],
    ['an unknown TLP', ['--tlp', 'white'], /clear, green, amber, amber\+strict, red/],
  ])('%s, as wrong usage', async (_, args, words) => {
    // In this process: nothing is begun that would need one of its own.
    let said = '';
    const command = exportCommand()
      .exitOverride()
      .configureOutput({
        writeErr: text => {
          said += text;
        },
      });
    const line = ['--data', log.dir, '--date', DATE, '--country', country, '--format', 'intelmq', ...args];
    await expect(command.parseAsync(line, { from: 'user' })).rejects.toThrow(CommanderError);
    expect(said).toMatch(words);
  });

  it('of wrong usage the exit code is 2', async () => {
    expect(await run('misp')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--out') });
  });

  it.each<[string, string[], RegExp]>([
    ['a day of which there is nothing', ['--date', '2020-01-01'], /nothing was received of that day/],
    ['a contact that is none', ['--email', 'nobody'], /no e-mail address/],
    ['a directory that is no collector', ['--data', os.tmpdir()], /run enaga init/],
    ['a file that cannot be written', ['--out', '/nowhere/file'], /no such file/],
  ])('%s', async (_, args, words) => {
    const outcome = await run('intelmq', ...args);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toMatch(words);
  });

  it('no sender', async () => {
    const file = path.join(log.dir, 'exports.json');
    const settings = fs.readFileSync(file);
    fs.rmSync(file);
    const outcome = await run('intelmq');
    const given = await run('intelmq', '--organisation', 'A', '--email', 'a@b.example', '--feed', 'f');
    fs.writeFileSync(file, settings);
    expect([outcome.code, outcome.stdout]).toEqual([1, '']);
    expect(outcome.stderr).toMatch(
      /who sends\? Give --organisation, --email, --feed, or write "organisation", "email", "feed" into .*exports\.json/,
    );
    expect(given.code).toBe(0);
  });

  it('a batch that was damaged in the log is left out, and it is said', async () => {
    const broken = new SealedLog(['JP']);
    const good = broken.sealer.seal({ sensor: 0, records: toBlock(kept.slice(0, 5)) });
    broken.log.append([{ ...good, bytes: good.bytes.map((byte, n) => (n > 40 ? byte ^ 0xff : byte)) }]);
    const blocks = [kept.slice(5, 7), kept.slice(7, 10)].map(list => ({ sensor: 0, records: toBlock(list) }));
    broken.append(...blocks);
    const file = new Database(path.join(broken.data.log, '2026-03-05.db'));
    file.exec('UPDATE batches SET records = 9 WHERE position = 3');
    file.close();
    const sender = ['--organisation', 'A', '--email', 'a@b.example', '--feed', 'f'];
    const outcome = await run('intelmq', '--data', broken.dir, ...sender);
    broken.remove();
    expect(outcome).toMatchObject({
      code: 0,
      stderr: 'enaga export: 2 batches are damaged in the log, and left out\n',
    });
    expect(readIntelmq(outcome.stdout)).toHaveLength(3);
  });
});
