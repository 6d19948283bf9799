/** `enaga days` and `enaga recount` as a user meets them, on a store that was folded from fixture captures. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFolding } from '../../collector/store/folding.ts';
import { capture, captures, enaga } from '../support/enaga.ts';
import { HASH_KEY, SealedLog } from '../support/sealed-log.ts';

const DAY_MS = 86_400_000;
/** Captures that are whole, each a sensor's in turn. */
const names = fs
  .readdirSync(captures)
  .filter(name => !name.endsWith('.json') && !name.startsWith('broken-'))
  .filter(name => !/^(unknown-link-type|pcapng-times|no-packets)/.test(name));

let made: SealedLog;
let days: string[];
const run = (...args: string[]) => enaga([...args, '--data', made.dir]);

async function fold(): Promise<void> {
  const closing = { graceMs: 1e15, quietMs: 0, segmentsMs: 0 };
  const folding = startFolding({ data: made.data, hashKey: HASH_KEY, checkpointMs: 20, closing });
  while (folding.progress().position < made.log.head()) await new Promise(resolve => setTimeout(resolve, 20));
  await folding.stop();
}

beforeAll(async () => {
  made = new SealedLog(['JP', 'TH', 'JP']);
  for (const [n, name] of names.entries()) await made.appendCapture(n % 3, capture(name));
  await fold();
  days = JSON.parse((await run('days', '--json')).stdout).days.map(({ date }: { date: string }) => date);
});
afterAll(() => made.remove());

describe('enaga days', () => {
  test('--json is what enaga replay --json says of the same captures', async () => {
    const [store, replay] = await Promise.all([
      run('days', '--json'),
      enaga(['replay', '--quiet', '--json', '-', ...names.map(capture)]),
    ]);
    expect(store.code).toBe(0);
    expect(JSON.parse(store.stdout).records).toBeGreaterThan(1000);
    expect(store.stdout === replay.stdout).toBe(true);
  });

  test('--sensor and --economy: what replay says of the captures of those sensors, as far as sensors have tables', async () => {
    for (const [args, sensors] of [
      [['--sensor', 's1'], [1]],
      [
        ['--economy', 'jp'],
        [0, 2],
      ],
    ] as const) {
      const own = names.filter((_, n) => (sensors as readonly number[]).includes(n % 3));
      const [store, replay] = await Promise.all([
        run('days', '--json', ...args),
        enaga(['replay', '--quiet', '--json', '-', ...own.map(capture)]),
      ]);
      const shape = (text: string) => {
        const { days, packets, skipped } = JSON.parse(text);
        const kept = days.map(({ asns, networks, tools, topSources, ...rest }: Record<string, unknown>) => rest);
        return { packets, skipped, days: kept };
      };
      expect(shape(store.stdout)).toEqual(shape(replay.stdout));
      expect(store.stderr).toMatch(/other tables are empty/);
    }
  });

  test('lists days with their totals; --date shows one as replay does', async () => {
    const [list, one] = await Promise.all([run('days'), run('days', '--date', days[0]!, '--top', '3')]);
    const lines = list.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^date +packets +sources +scanning +revision +state$/);
    expect(lines.slice(1).map(line => line.slice(0, 10))).toEqual(days);
    expect(one.stdout).toContain(days[0]);
    expect(one.stdout).toMatch(/port {2,}packets/);
    expect([list.code, list.stderr, one.code]).toEqual([0, '', 0]);
  });

  test('says what is not counted yet, and waits for it no longer than it must', async () => {
    const late = new SealedLog();
    try {
      expect(await enaga(['days', '--data', late.dir])).toMatchObject({
        code: 1,
        stderr: 'enaga days: nothing is counted yet: enaga serve counts what comes\n',
      });
      await late.appendCapture(0, capture('two-days.pcap'));
      const folding = startFolding({ data: late.data, hashKey: HASH_KEY, checkpointMs: 20 });
      while (!fs.existsSync(late.data.store)) await new Promise(resolve => setTimeout(resolve, 20));
      expect((await enaga(['days', '--wait', '--data', late.dir])).stderr).toBe('');
      await folding.stop();
      await late.appendCapture(1, capture('two-days.pcap'));
      expect((await enaga(['days', '--data', late.dir])).stderr).toMatch(/not counted yet/);
    } finally {
      late.remove();
    }
  });

  test('shows declared scanners apart', async () => {
    const file = path.join(made.dir, 'known.txt');
    const date = '2026-03-01';
    const { days: found } = JSON.parse((await run('days', '--json', '--date', days[0]!)).stdout);
    const [first, second] = found[0].topSources.filter(({ address }: { address: string }) => address.includes('.'));
    fs.writeFileSync(
      file,
      `# ours\n${first.address}/32  University of ${date} # a scanner\n\n${second.address} Other\n255.255.255.255/32 Nobody\n`,
    );
    const { stdout } = await run('days', '--date', days[0]!, '--known', file);
    const table = stdout
      .slice(stdout.indexOf('Declared'))
      .split('\n')
      .slice(2)
      .map(line => line.split(/ {2,}/));
    expect(table).toEqual([
      [`University of ${date}`, String(first.packets), '1'],
      ['Other', String(second.packets), '1'],
      ['Nobody', '0', '0'],
      [''],
    ]);
    fs.writeFileSync(path.join(made.dir, 'config.json'), JSON.stringify({ known: 'known.txt' }));
    expect((await run('days', '--date', days[0]!)).stdout).toBe(stdout);
    fs.writeFileSync(path.join(made.dir, 'config.json'), '{}');
    fs.writeFileSync(file, '192.0.2.0/24 a\n300.1.2.3 b\n');
    expect(await run('days', '--date', days[0]!, '--known', file)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/known\.txt, line 2: '300\.1\.2\.3' is no network/),
    });
  });

  test('says what each sensor watched and what is meant by a mean; ranks of a week; hours as CSV', async () => {
    const [one, week, hours, port] = await Promise.all([
      run('days', '--date', days[0]!),
      run('days', '--date', days[0]!, '--over', 'week'),
      run('days', '--from', days[0]!, '--to', days[0]!, '--hourly'),
      run('days', '--from', days[0]!, '--to', days[0]!, '--hourly', '--port', '23/tcp', '--sensor', 's0'),
    ]);
    expect(one.stdout).toMatch(/sensor +watched +packets +skipped +lost\ns0 +\d+\.\d% /);
    expect(one.stdout).toMatch(/Mean of the day: [\d,]+ packets a sensor, [\d,]+ an observed IPv4 address\n/);
    expect(week.stdout).toMatch(/packets from [\d,]+ sources; "before" is \d{4}-/);
    expect(week.stdout).toMatch(/^1 +new +\d+\/(tcp|udp)/m);
    const lines = hours.stdout.trimEnd().split('\r\n');
    expect(lines[0]).toBe('hour,packets,sources,sensors,packetsPerSensor');
    expect(lines).toHaveLength(25);
    const { days: found } = JSON.parse((await run('days', '--json', '--date', days[0]!)).stdout);
    const sum = lines.slice(1).reduce((total, line) => total + Number(line.split(',')[1]), 0);
    expect(sum).toBe(found[0].packets);
    expect(port.stdout.trimEnd().split('\r\n')[1]).toMatch(/^\d{4}-\d\d-\d\dT00:00Z,,,[\d.]+,$/);
  });

  test('refuses what it cannot do, in words', async () => {
    const refusals = [
      [['--date', '2026-02-30'], 2, /UTC date/],
      [['--economy', 'JPN'], 2, /two letters/],
      [['--sensor', 'nobody'], 1, /no sensor nobody/],
      [['--economy', 'ZZ'], 1, /no sensor is in ZZ/],
      [['--top', '0'], 2, /whole number/],
      [['--over', 'week'], 2, /give --date/],
      [['--hourly', '--port', '99999/tcp'], 2, /like 23\/tcp/],
    ] as const;
    const outcomes = await Promise.all(refusals.map(([args]) => run('days', ...args)));
    for (const [n, [, code, text]] of refusals.entries()) {
      expect(outcomes[n]).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(text) });
    }
    expect((await run('days', '--date', '2001-01-01')).stdout).toBe('Nothing is counted of 2001-01-01.\n');
  });
});

describe('enaga recount', () => {
  test('agrees for every day; a planted difference it prints, and exits with 1', async () => {
    const outcomes = await Promise.all(days.map(day => run('recount', day)));
    for (const [n, outcome] of outcomes.entries()) {
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      const agreed = `^${days[n]}: [\\d,]+ records in the log, [\\d,]+ rows compared: store and log agree\\n$`;
      expect(outcome.stdout).toMatch(new RegExp(agreed));
    }
    const database = new Database(made.data.store);
    const day = Date.parse(days[0]!) / DAY_MS;
    database.prepare('UPDATE days SET packets = packets + 5 WHERE day = ?').run(day);
    const [text, json] = await Promise.all([run('recount', days[0]!), run('recount', days[0]!, '--json')]);
    database.prepare('UPDATE days SET packets = packets - 5 WHERE day = ?').run(day);
    database.close();
    expect([text.code, json.code]).toEqual([1, 1]);
    expect(text.stdout).toMatch(/1 differ\n {2}list of days: packets: the store has \d+; the log gives \d+\n$/);
    expect(JSON.parse(json.stdout)).toMatchObject({ agree: false, differences: [{ what: 'list of days: packets' }] });
  });

  test('refuses a date that is none', async () => {
    expect(await run('recount', 'yesterday')).toMatchObject({ code: 2, stdout: '' });
  });
});
