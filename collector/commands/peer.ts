/** `enaga peer`: other Enaga collectors, whose figures are pulled and shown beside our own. */
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { isThisMachine } from '../peer/http.ts';
import { Peers, PeersError, type Source } from '../peer/peers.ts';
import { pullNoted } from '../peer/pull.ts';
import { count } from '../publish/words.ts';
import { dateOf } from '../reduce/result.ts';
import { BadData, dataOption, existingData } from './data.ts';
import { parseDate } from './dates.ts';
import { withMembers } from './member.ts';
import { reporting } from './outcome.ts';
import { type DaysFlags, showDays } from './peer/days.ts';
import { addExamples, isoTime, printJson, printLines, printTable } from './registry.ts';
import { readNamed } from './trouble.ts';

const ABOUT = `
Of a peer its closed days are kept (peers.db of the data directory, the last 400): totals, the busiest ports and countries, and as
its member the ports by country. enaga serve pulls every peer each hour (peerPullMinutes); what is new or revised replaces what
was. Peers' figures stand beside our own, in enaga peer days, in GET /v1/peers and on the page Peers, and are in none of our totals.

With --token-file we read as the peer's member: whole figures. Without it we get what is public there: rounded, its top rows alone.
Who reads here are our members and admins; the public sees a peer only with --public, which goes without a token.`;

const EXAMPLES = {
  add: [
    'add jakarta --url https://enaga.example.id --token-file /etc/enaga/jakarta.token',
    'add nairobi --url https://enaga.example.ke',
    'add nairobi --url https://enaga.example.ke --public',
    'add lab --url https://10.1.2.3:8740 --ca lab-ca.pem',
  ],
  list: ['list'],
  remove: ['remove nairobi'],
  pull: ['pull', 'pull jakarta'],
  days: ['days jakarta', 'days jakarta --date 2026-03-01 --top 20', 'days jakarta --json'],
};

const FAILED = 1;
const rowsDefault = 10;

interface Flags {
  data: string;
  json: boolean;
}
interface AddFlags extends Flags {
  url: URL;
  tokenFile?: string;
  ca?: string;
  public: boolean;
  insecureHttp: boolean;
}

/** The command, for the program to add. */
export function peerCommand(): Command {
  const peer = new Command('peer')
    .description("Other collectors' figures, pulled and shown beside our own")
    .exitOverride() // before its own commands are made, which take it over: wrong usage is exit code 2 everywhere
    .addHelpText('after', ABOUT);
  const verb = (name: string, description: string) =>
    peer.command(name).description(description).option('--json', 'as JSON', false).addOption(dataOption());
  verb('add', 'Pull another collector from now on')
    .argument('<name>', 'what it is called here')
    .requiredOption('--url <url>', 'where it is', peerUrl)
    .option('--token-file <file>', 'file that holds the token it gave us; read at each pull')
    .option('--ca <file>', "PEM of its certificate's authority, if that is its own")
    .option('--public', 'show its figures to the public here too', false)
    .option('--insecure-http', 'send the token over HTTP beyond loopback', false)
    .action(function (this: Command, name: string, flags: AddFlags) {
      if (flags.public && flags.tokenFile !== undefined)
        this.error('error: --public is for what is public there: leave --token-file out');
      return reporting('peer add', addPeer)(name, flags);
    });
  verb('list', 'List peers and imports, and how they are').action(reporting('peer list', listPeers));
  verb('remove', 'Forget a peer or an import, with all that is kept of it')
    .argument('<name>')
    .action(reporting('peer remove', removePeer));
  verb('pull', 'Pull what is new of a peer, or of all, now')
    .argument('[name]')
    .action(reporting('peer pull', pullPeers));
  verb('days', 'Show the days of a peer or an import')
    .argument('<name>')
    .option('--date <date>', 'show this day, YYYY-MM-DD', parseDate)
    .option('--top <n>', 'rows of the tables', topOf, rowsDefault)
    .action(
      reporting('peer days', (name: string, flags: DaysFlags) =>
        withPeers(flags.data, peers => showDays(peers, name, flags)),
      ),
    );
  addExamples(peer, EXAMPLES);
  return peer;
}

/** Throws `BadData` for what `PeersError` says. */
export async function withPeers<T>(dir: string, use: (peers: Peers) => T | Promise<T>): Promise<T> {
  const peers = Peers.open(existingData(dir).peers);
  try {
    return await use(peers);
  } catch (error) {
    if (error instanceof PeersError) throw new BadData(error.message, { cause: error });
    throw error;
  } finally {
    peers.close();
  }
}

async function addPeer(
  name: string,
  { data, json, url, tokenFile, ca, insecureHttp, ...rest }: AddFlags,
): Promise<void> {
  const isPlain = url.protocol === 'http:' && !isThisMachine(url);
  if (tokenFile !== undefined && isPlain && !insecureHttp)
    throw new BadData('the token would go over HTTP: give an https URL, or --insecure-http');
  for (const file of [tokenFile, ca]) if (file !== undefined) readNamed(file); // now, and not when it is pulled first
  const peer = {
    name,
    url: url.origin,
    published: rest.public,
    ...(tokenFile !== undefined && { tokenFile: path.resolve(tokenFile) }),
    ...(ca !== undefined && { caFile: path.resolve(ca) }),
  };
  await withPeers(data, peers => {
    const added = peers.addPeer(peer, Date.now());
    const { url: from, published } = added;
    note(data, 'peer add', { name, url: from, readAs: readAs(added), public: published });
    if (json) printJson(told(peers, added));
    else
      printLines(
        `peer ${name} is added, and read as ${readAs(added)}. enaga serve pulls it; now: enaga peer pull ${name}`,
      );
  });
}

const note = (data: string, action: string, detail: object): void =>
  withMembers(data, members => members.noteChange(action, detail, Date.now()));

const readAs = ({ tokenFile }: Source): string => (tokenFile === null ? 'anyone' : 'a member');

async function listPeers({ data, json }: Flags): Promise<void> {
  await withPeers(data, peers => {
    const sources = peers.sources();
    if (json) printJson(sources.map(source => told(peers, source)));
    else if (sources.length === 0) printLines('no peer yet: enaga peer add NAME --url URL');
    else listTable(peers, sources);
  });
}

function listTable(peers: Peers, sources: readonly Source[]): void {
  printTable(
    ['name', 'what', 'days', 'last day', 'pulled', 'trouble'],
    sources.map(source => {
      const { days, lastDay } = told(peers, source);
      const what = source.kind === 'import' ? 'import' : `${source.url}, as ${readAs(source)}`;
      const { doneMs, trouble, troubleText } = source;
      const wrong = trouble === null ? '' : `${trouble}: ${troubleText}`;
      return [source.name, what, count(days), lastDay ?? '', isoTime(doneMs) ?? '', wrong];
    }),
  );
}

const told = (peers: Peers, source: Source) => {
  const days = peers.days(source);
  const { name, kind, url, published, addedMs, triedMs, doneMs, trouble, troubleText } = source;
  return {
    ...{ name, kind, url, public: published, readAs: kind === 'peer' ? readAs(source) : null },
    days: days.length,
    firstDay: days.length === 0 ? null : dateOf(days[0]!.day),
    lastDay: days.length === 0 ? null : dateOf(days.at(-1)!.day),
    ...{ added: isoTime(addedMs), tried: isoTime(triedMs), pulled: isoTime(doneMs), trouble, troubleText },
  };
};

async function removePeer(name: string, { data, json }: Flags): Promise<void> {
  const removed = await withPeers(data, peers => peers.remove(name));
  note(data, 'peer remove', { name, kind: removed.kind });
  if (json) printJson({ name, removed: true });
  else printLines(`${removed.kind} ${name} is forgotten, with its days`);
}

/** A peer that cannot be pulled keeps no other from it. */
async function pullPeers(name: string | undefined, { data, json }: Flags): Promise<void> {
  const outcomes = await withPeers(data, async peers => {
    const all = name === undefined ? peers.sources().filter(({ kind }) => kind === 'peer') : [peerNamed(peers, name)];
    const done = [];
    for (const source of all) done.push(await pullOne(peers, source));
    return done;
  });
  if (json) printJson(outcomes.map(({ has: _, ...rest }) => rest));
  else if (outcomes.length === 0) printLines('no peer yet: enaga peer add NAME --url URL');
  else
    for (const { name: one, days, left, has, trouble } of outcomes)
      if (trouble === null)
        printLines(`${one}: ${days > 0 ? daysText(days) : has ? 'nothing new' : NOTHING_THERE}${leftText(left)}`);
  for (const { name: one, trouble } of outcomes) if (trouble !== null) warn(`${one}: ${trouble}`);
  if (outcomes.some(({ trouble }) => trouble !== null)) process.exitCode = FAILED;
}

async function pullOne(peers: Peers, source: Source) {
  const shows = process.stderr.isTTY === true;
  const onDay = (date: string, left: number) =>
    void process.stderr.write(`\r\x1b[K${source.name}: ${date}, ${count(left)} to come`);
  const pulled = await pullNoted(peers, source, { now: Date.now, ...(shows && { onDay }) });
  if (shows) process.stderr.write('\r\x1b[K');
  const trouble = pulled === undefined ? (peers.source(source.name)?.troubleText ?? 'it is removed') : null;
  const has = peers.days(source).length > 0;
  return { name: source.name, days: pulled?.days ?? 0, left: pulled?.left ?? 0, has, trouble };
}

const NOTHING_THERE =
  'it shows no closed day: to the public a collector shows those that enough sensors saw, days late';
const daysText = (days: number): string => `${count(days)} ${days === 1 ? 'day' : 'days'}`;
const leftText = (left: number): string =>
  left === 0 ? '' : `, ${daysText(left)} still to come: they changed meanwhile`;

function peerNamed(peers: Peers, name: string): Source {
  const source = peers.source(name);
  if (source === undefined) throw new PeersError(`no peer is called ${name}`);
  if (source.kind !== 'peer') throw new PeersError(`${name} is an import: there is nothing to pull`);
  return source;
}

const warn = (text: string): void => void process.stderr.write(`enaga peer pull: ${text}\n`);

function peerUrl(text: string): URL {
  const url = URL.parse(text);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.pathname !== '/' ||
    url.search !== ''
  )
    throw new InvalidArgumentError('It takes a URL like https://collector.example.');
  return url;
}

function topOf(text: string): number {
  const top = Number(text);
  if (!Number.isInteger(top) || top < 1 || top > 1000)
    throw new InvalidArgumentError('It takes a whole number from 1 to 1000.');
  return top;
}
