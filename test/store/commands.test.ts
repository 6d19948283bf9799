/** `enaga days` and `enaga recount` as a user meets them, on a store that was folded from fixture captures. */
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataPaths } from '../../collector/commands/data.ts';
import { meanText } from '../../collector/commands/days/day.ts';
import { type Folding, startFolding } from '../../collector/store/folding.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { takeLock } from '../../common/sqlite/lock.ts';
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

/** Throws what the folding died of, or when it takes too long. */
async function until({ failed }: Folding, condition: () => boolean): Promise<void> {
  let failure: Error | undefined;
  failed.then(error => {
    failure = error;
  });
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (failure !== undefined) throw failure;
    if (Date.now() > end) throw new Error('it took too long');
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

async function foldOf({ data, log }: SealedLog): Promise<void> {
  const closing = { graceMs: 1e15, quietMs: 0, segmentsMs: 0 };
  const folding = startFolding({ data, hashKey: HASH_KEY, checkpointMs: 20, closing });
  await until(folding, () => folding.progress().position === log.head());
  await folding.stop();
}

beforeAll(async () => {
  made = new SealedLog(['JP', 'TH', 'JP']);
  for (const [n, name] of names.entries()) await made.appendCapture(n % 3, capture(name));
  await foldOf(made);
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
      expect(store.stderr).toMatch(/other tables are left out/);
      for (const table of ['asns', 'networks', 'tools', 'topSources']) expect(store.stdout).not.toContain(table);
    }
    const [list, date] = await Promise.all([
      run('days', '--sensor', 's1'),
      run('days', '--sensor', 's1', '--date', days[0]!),
    ]);
    expect([list.code, list.stderr]).toEqual([0, '']);
    expect(date.stdout).toContain('backscatter');
    expect(date.stdout).not.toMatch(/^ +tool /m);
  });

  test('lists days with their totals; --date shows one as replay does', async () => {
    const [list, one] = await Promise.all([run('days'), run('days', '--date', days[0]!, '--top', '3')]);
    const lines = list.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^date +packets +sources +scanning +revision +state$/);
    expect(lines.slice(1, -2).map(line => line.slice(0, 10))).toEqual(days);
    expect(lines.at(-1)).toMatch(/^An open day is closed 24 hours after its end, and an hour after its last packets/);
    expect(one.stdout).toContain(days[0]);
    expect(one.stdout).toMatch(/port {2,}packets/);
    expect([list.code, list.stderr, one.code]).toEqual([0, '', 0]);
  });

  test('says nothing of a reader that has seen enough', async () => {
    for (const form of ['--json', '--hourly']) {
      const { code, stderr } = await enaga(['days', form, '--data', made.dir], { stdoutClosed: true });
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('EPIPE')]);
    }
  });

  test('archive run says why a day is not archived, and when an open one is closed', async () => {
    const [unknown, open] = await Promise.all(['2001-01-01', days[0]!].map(day => run('archive', 'run', '--day', day)));
    expect(unknown).toMatchObject({
      code: 0,
      stdout: 'nothing was to be archived: nothing is counted of 2001-01-01\n',
    });
    expect(open!.stdout).toMatch(
      /: \d{4}-\d\d-\d\d is open: it is closed at \d{4}-\d\d-\d\d \d\d:\d\d UTC at the earliest\n$/,
    );
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
      await until(folding, () => fs.existsSync(late.data.store));
      const { lock } = dataPaths(late.dir);
      const held = takeLock(lock); // as enaga serve does, which this stands for
      expect((await enaga(['days', '--wait', '--data', late.dir])).stderr).toBe('');
      await folding.stop();
      held.release();
      await late.appendCapture(1, capture('two-days.pcap'));
      expect((await enaga(['days', '--data', late.dir])).stderr).toMatch(/not counted yet/);
      expect(await enaga(['days', '--wait', '--data', late.dir])).toMatchObject({
        code: 1,
        stderr: `enaga days: what is logged is not counted, and no enaga serve runs on ${late.dir}: start it\n`,
      });
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
      [['--from', '2026-03-02', '--to', '2026-03-01'], 2, /--from is after --to\n\(enaga days --help says more\)/],
      [['--hourly', '--country', 'XX'], 1, /^enaga days: geo-whois-asn-country has no country XX\n$/],
    ] as const;
    const outcomes = await Promise.all(refusals.map(([args]) => run('days', ...args)));
    for (const [n, [, code, text]] of refusals.entries()) {
      expect(outcomes[n]).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(text) });
    }
    expect((await run('days', '--date', '2001-01-01')).stdout).toBe('Nothing is counted of 2001-01-01.\n');
  });
});

test('a day that all its sensors are left out of is listed, and says why', async () => {
  const left = new SealedLog(['JP', 'TH']);
  try {
    await left.appendCapture(0, capture('two-days.pcap'));
    await foldOf(left);
    const date = JSON.parse((await enaga(['days', '--json', '--data', left.dir])).stdout).days[0].date;
    const exclude = ['sensor', 'exclude', 's0', '--from', date, '--to', date, '--reason', 'flooded by a neighbour'];
    expect((await enaga([...exclude, '--data', left.dir])).code).toBe(0);
    expect(await enaga([...exclude, '--data', left.dir])).toMatchObject({
      code: 1,
      stderr: 'enaga sensor exclude: sensor s0 is excluded on these days already\n',
    });
    const folding = startFolding({ data: left.data, hashKey: HASH_KEY, checkpointMs: 20 });
    const store = StoreReader.open(left.data.store);
    await until(folding, () => store.leftOut().size > 0 && store.emptiedDays().length > 0);
    store.close();
    await folding.stop();
    const [list, other, day] = await Promise.all(
      [['days'], ['days', '--sensor', 's1'], ['days', '--date', date]].map(args =>
        enaga([...args, '--data', left.dir]),
      ),
    );
    expect(list!.stdout).toMatch(/^date .* state +left out\n/);
    expect(list!.stdout).toMatch(new RegExp(`^${date} +0 +0 +0 +2 +(open|closed) +s0$`, 'm'));
    expect(list!.stdout).toMatch(
      new RegExp(`^Left out of all counts:\\n.*\\ns0 +${date} +${date} +flooded by a neighbour$`, 'm'),
    );
    expect(other!.stdout).toBe('No day is counted.\n');
    expect(day!.stdout).toMatch(
      /all that was received of it is left out\.\n[\s\S]*^s0 .* left out of all counts: flooded by a neighbour$/m,
    );
  } finally {
    left.remove();
  }
});

test('a day of which some seconds were not watched does not read as watched whole, beside a mean that makes up for them', async () => {
  const near = new SealedLog(['JP', 'JP']);
  try {
    for (const sensor of [0, 1]) await near.appendCapture(sensor, capture('two-days.pcap'));
    await foldOf(near);
    const date = JSON.parse((await enaga(['days', '--json', '--data', near.dir])).stdout).days[0].date;
    const store = new Database(near.data.store);
    const put = store.prepare("INSERT OR REPLACE INTO coverage VALUES (?, ?, ?, '[]')");
    for (const [sensor, missedMicros] of [20_000_000, 0].entries())
      for (let hour = 0; hour < 24; hour++)
        put.run(sensor, (Date.parse(date) / DAY_MS) * 24 + hour, 3_600_000_000 - (hour === 0 ? missedMicros : 0));
    store.close();
    const { stdout } = await enaga(['days', '--date', date, '--data', near.dir]);
    expect(stdout).toMatch(/^s0 +>99\.9% +\d/m);
    expect(stdout).toMatch(/^s1 +100% +\d/m);
  } finally {
    near.remove();
  }
});

test('a mean of a day is not made from a minute of it', () => {
  const coverage = (sensorHours: number) => ({ hours: 24, sensorHours, addressHours: 254 * sensorHours });
  expect(meanText(23, coverage(46 / 3600))).toBe(
    "Mean of the day: none, for too little was watched: 0.1% of a sensor's day, and a mean takes 5%",
  );
  expect(meanText(10_850, coverage(24))).toBe('Mean of the day: 10,850 packets a sensor, 43 an observed IPv4 address');
  expect(meanText(508, coverage(48))).toBe('Mean of the day: 254 packets a sensor, 1 an observed IPv4 address');
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

  test('and days say which batches are damaged in the log, which both leave out', async () => {
    const broken = new SealedLog();
    try {
      await broken.appendCapture(0, capture('two-days.pcap'));
      const [name] = fs.readdirSync(broken.data.log).filter(file => /^\d.*\.db$/.test(file));
      const file = new Database(path.join(broken.data.log, name!));
      const { position, day } = file.prepare('SELECT max(position) AS position, day FROM batches').get() as {
        position: number;
        day: number;
      };
      file.prepare('UPDATE batches SET records = records + 1 WHERE position = ?').run(position);
      file.close();
      const folding = startFolding({ data: broken.data, hashKey: HASH_KEY, checkpointMs: 20 });
      await until(folding, () => folding.progress().position === position);
      await folding.stop();
      const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
      const [list, again] = await Promise.all([
        enaga(['days', '--data', broken.dir]),
        enaga(['recount', date, '--json', '--data', broken.dir]),
      ]);
      expect(list).toMatchObject({
        code: 0,
        stderr: `enaga days: 1 batches of the log are damaged, and in no count: positions ${position}\n`,
      });
      expect([again.code, JSON.parse(again.stdout).damaged]).toEqual([
        0,
        [{ position, why: expect.stringContaining('is not what was written') }],
      ]);
    } finally {
      broken.remove();
    }
  });

  test('a day of which nothing came has nothing to compare', async () => {
    expect(await run('recount', '2001-01-01')).toMatchObject({
      code: 0,
      stdout: '2001-01-01: nothing was logged of that day\n',
    });
  });

  test('refuses a date that is none', async () => {
    expect(await run('recount', 'yesterday')).toMatchObject({ code: 2, stdout: '' });
  });
});
