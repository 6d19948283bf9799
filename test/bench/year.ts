/**
 * What a year of an observatory takes: 100 sensors of a /28 each at NICTER's rate (2024: one packet per address per 13 s), 10.6
 * million packets a day and 3.9 billion a year. year-store.ts says how the year is made, and what of it is copied; year-asks.ts
 * what is asked. Then a collector is started over it. Sizes are the file's; times are of this machine, by the clock and by the
 * processor, for other programs may run beside.
 *
 *     node test/bench/year.ts [--days 365] [--folded 4] [--sensors 100] [--open] [--keep FOLDER]
 *
 * With --open it asks of the open day and of periods that are not over, and of nothing else. --keep leaves the year in a folder, or
 * asks the one that is there.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { count } from '../../collector/publish/words.ts';
import { Members } from '../../collector/registry/members.ts';
import { keptMade } from '../../collector/store/made-file.ts';
import { StoreReader } from '../../collector/store/query.ts';
import { Renewal } from '../../collector/store/renewal.ts';
import { openStoreFile } from '../../collector/store/schema.ts';
import { DAY_MS } from '../../common/time.ts';
import { openSite } from '../publish/api/support.ts';
import { SealedLog } from '../support/sealed-log.ts';
import { askAll, line, openQuestions, openRoutes, routes, storeQuestions } from './year-asks.ts';
import { HASH_KEY, makeYear, packetsPerDay, type YearFacts } from './year-store.ts';

const lastDay = Date.UTC(2026, 11, 20) / DAY_MS;
const daysAYear = 365;
const startMsMax = 60_000;

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '365' },
    folded: { type: 'string', default: '4' },
    sensors: { type: 'string', default: '100' },
    open: { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
});
const [days, folded, sensors] = [values.days, values.folded, values.sensors].map(Number) as [number, number, number];

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (text: string): void => void process.stderr.write(`year: ${text}\n`);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** A collector's data directory with its sensors, and the year in it. */
function madeYear(): SealedLog {
  const made = new SealedLog([]);
  for (let n = 0; n < sensors; n++)
    made.registry.addSensor(
      {
        name: `s${n}`,
        owner: 'org',
        economy: n % 2 === 0 ? 'JP' : 'TH',
        networks: [`198.${18 + (n >> 8)}.${n & 255}.0/28`],
      },
      0,
    );
  const kept = values.keep === undefined ? undefined : path.join(values.keep, 'store.db');
  if (kept !== undefined && fs.existsSync(kept)) {
    fs.copyFileSync(kept, made.data.store);
    return made;
  }
  report(makeYear({ file: made.data.store, sensors, days, folded, lastDay, say }));
  if (kept !== undefined) {
    fs.mkdirSync(values.keep!, { recursive: true });
    fs.copyFileSync(made.data.store, kept);
  }
  return made;
}

function report({ bytes, bytesPerDay: { rows, hours, states, segments }, ...facts }: YearFacts): void {
  print(`${count(days)} days of ${count(packetsPerDay(sensors))} packets, ${folded} of them folded, the others copied`);
  print(`folded at ${count(facts.recordsPerSecond)} records/s; a day closed in ${facts.closeSeconds.toFixed(1)} s`);
  print(
    `a day: ${megabytes(rows)} of rows, ${megabytes(states)} of states; ${megabytes(hours)} of ports by the hour, for 90 days; ` +
      `${megabytes(segments)} of segments, for 8 days`,
  );
  print(`the store: ${(bytes / 1e9).toFixed(2)} GB${days === daysAYear ? '' : ` of ${days} days`}`);
}

const table = (what: string): void => print(`\n${what.padEnd(52)}     p50    p99  cpu99   asks`);

/** With nothing made before, and then as a collector that starts again; asked while what is made is made again. */
async function askOpen(made: SealedLog): Promise<void> {
  const file = `${made.data.store}.made`;
  const store = StoreReader.open(made.data.store, { aside: true });
  const renewal = new Renewal(store, {
    file,
    failed: error => {
      throw error;
    },
  });
  const [began, before] = [performance.now(), process.cpuUsage()];
  const watched = setInterval(renewal.turn.bind(renewal), 1000);
  let peak = 0;
  const looked = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 50);
  const rss = process.memoryUsage().rss;
  while (keptMade(file).length === 0) await sleep(500);
  const { user, system } = process.cpuUsage(before);
  print(
    `\nthe open day and the periods that run were made in ${seconds(performance.now() - began)}, ${seconds((user + system) / 1000)} ` +
      `of processor time, with ${megabytes(peak - rss)} of memory meanwhile; what is kept has ${megabytes(fs.statSync(file).size)}`,
  );
  store.close();
  clearInterval(watched);
  clearInterval(looked);
  renewal.close();

  const starts = performance.now();
  const again = StoreReader.open(made.data.store, { aside: true, before: keptMade(file) });
  again.rows(lastDay)!.rows('ports');
  print(`first answer after a start: ${seconds(performance.now() - starts)}`);
  table('the open day, milliseconds');
  await askAll(openQuestions(again, lastDay), one => print(line(one)));
  again.close();
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`;

async function askApi(made: SealedLog): Promise<void> {
  const members = Members.open(made.data.registry, { actor: 'bench' });
  const { token } = members.add({ organisation: 'org', role: 'admin' }, Date.now());
  const renewal = { file: `${made.data.store}.made`, failed: (error: unknown) => print(String(error)) };
  const site = await openSite(made, { admin: token, beta: token, foreign: token }, { renewal });
  site.clock.ms = (lastDay + 0.5) * DAY_MS;
  const ask = (as: string | undefined) => async (url: string) => {
    const { statusCode, body } = await site.get(url, as);
    if (statusCode !== 200) throw new Error(`${url}: ${statusCode} ${body.slice(0, 200)}`);
  };
  const urls = { ...(values.open ? {} : routes(lastDay)), ...openRoutes(lastDay) };
  const asked = ask(token);
  table('the API, a member, milliseconds');
  await askAll(
    Object.fromEntries(Object.entries(urls).map(([what, url]) => [what, (n: number) => asked(url(n))])),
    one => print(line(one)),
  );
  await site.close();
  members.close();
}

/** Until a collector over this data says that it is ready, in milliseconds. */
async function restarted(made: SealedLog): Promise<number> {
  const main = path.join(import.meta.dirname, '..', '..', 'collector', 'main.ts');
  const started = performance.now();
  const child = spawn(process.execPath, [main, 'serve', '--data', made.dir, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<never>((_, reject) => {
    let said = '';
    child.stderr.on('data', piece => {
      said += piece;
    });
    child.on('exit', code => reject(new Error(`the collector ended with ${code}: ${said}`)));
  });
  try {
    const url = new Promise<string>(resolve => {
      child.stdout.on('data', piece => {
        const found = /https?:\/\/[^\s/]+/.exec(String(piece))?.[0];
        if (found !== undefined) resolve(found);
      });
    });
    const at = await Promise.race([url, ended]);
    while ((await fetch(`${at}/readyz`)).status !== 200 && performance.now() - started < startMsMax);
    return performance.now() - started;
  } finally {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
}

/** The store is one that the collector there counted, from the log that lies beside it: else all would be counted anew. */
function takeOver(made: SealedLog): void {
  fs.writeFileSync(path.join(made.dir, 'secret.json'), JSON.stringify({ hashKey: HASH_KEY }), { mode: 0o600 });
  const database = openStoreFile(made.data.store, false);
  const reader = made.reader();
  database
    .prepare('UPDATE progress SET log = ?, position = 1, sha256 = ?')
    .run(reader.id, reader.sha256At(1) ?? new Uint8Array(0));
  reader.close();
  database.close();
}

async function askRestart(made: SealedLog): Promise<void> {
  takeOver(made);
  made.log.close();
  const times = [await restarted(made), await restarted(made), await restarted(made)];
  print(`\nready after ${times.map(ms => (ms / 1000).toFixed(1)).join(', ')} s`);
}

const made = madeYear();
try {
  const reader = StoreReader.open(made.data.store);
  if (!values.open) {
    table('the store, milliseconds');
    await askAll(storeQuestions(reader, lastDay, reader.daysWithRecords().length), one => print(line(one)));
  }
  reader.close();
  await askOpen(made);
  await askApi(made);
  if (!values.open) await askRestart(made);
} finally {
  made.remove();
}
