/**
 * Exchange files as `enaga pull` brings them. A collector makes one as it sends it, and knows what it was when it is sent: where
 * it could not tell before, it is asked after. A MISP feed is one directory for all days, so that MISP has one place to read.
 */
import fs from 'node:fs';
import path from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Client, type FileFacts, factsOf, PullFailed } from '../../peer/client.ts';
import type { Format } from '../../publish/exports/formats.ts';
import { HASHES, MANIFEST, type Piece } from '../../publish/exports/misp.ts';
import { writeFeed } from '../../publish/exports/write.ts';

export interface ExportOrder {
  readonly format: Format;
  readonly country: string;
}

interface DayOrder extends ExportOrder {
  readonly date: string;
  /** The day's. */
  readonly folder: string;
  /** All days'. */
  readonly out: string;
}

export type PulledFile = FileFacts & { readonly name: string };

const ListedSchema = Type.Object({
  url: Type.String(),
  size: Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()]),
  sha256: Type.Union([Type.String({ pattern: '^[0-9a-f]{64}$' }), Type.Null()]),
});
const EVENT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const pieceBytes = 1 << 18;
/** Of a manifest of one event, which is read whole. */
const manifestBytesMax = 2 ** 20;

const GONE = 410;

/** `gone`: the collector keeps the day's records no longer. Throws `PullFailed`, and the file system's errors. */
export async function pullExport(client: Client, order: DayOrder): Promise<PulledFile[] | 'gone'> {
  try {
    return await pulled(client, order);
  } catch (error) {
    if (error instanceof PullFailed && error.status === GONE) return 'gone';
    throw error;
  }
}

async function pulled(client: Client, order: DayOrder): Promise<PulledFile[]> {
  const { format, country, folder } = order;
  if (format.kind === 'folder') return pullFeed(client, order);
  const name = `${format.name}-${country}.${format.extension}`;
  return [{ name, ...(await verified(client, order, path.join(folder, name))) }];
}

/** `file`: of a format that is several. */
async function verified(client: Client, order: DayOrder, target: string, file?: string): Promise<FileFacts> {
  const { format, country, date } = order;
  const at = `/v1/days/${date}/exports`;
  const url = `${at}/${format.name}${file === undefined ? '' : `/${file}`}?country=${country}`;
  const told = await toldOf(client, at, url);
  const there = factsOf(target);
  if (there !== undefined && there.sha256 === told?.sha256) return there;
  const facts = await client.download(url, target, told);
  if (told !== undefined) return facts;
  const made = await toldOf(client, at, url);
  if (made === undefined || made.sha256 === facts.sha256) return facts;
  fs.rmSync(target, { force: true });
  throw new PullFailed(`${at}/${format.name}: what came is not what the collector sent: its SHA-256 is another`);
}

/** Undefined if the collector does not know yet, or this reader is told of no such file (an admin has all countries). */
async function toldOf(client: Client, list: string, url: string): Promise<FileFacts | undefined> {
  for (const row of await client.rows(list)) {
    if (!Value.Check(ListedSchema, row)) throw new PullFailed('what answers is no collector of this version');
    if (row.url === url && row.size !== null && row.sha256 !== null) return { size: row.size, sha256: row.sha256 };
  }
  return undefined;
}

/** Its three files go into the feed together, the manifest last: other days' stay as they are. */
async function pullFeed(client: Client, order: DayOrder): Promise<PulledFile[]> {
  const { format, country, folder, out } = order;
  const aside = path.join(folder, `.${format.name}-${country}`);
  fs.mkdirSync(aside, { recursive: true });
  try {
    const fetched = (name: string) => verified(client, order, path.join(aside, name), name);
    await fetched(MANIFEST);
    const manifest = path.join(aside, MANIFEST);
    if (fs.statSync(manifest).size > manifestBytesMax)
      throw new PullFailed(`a manifest is longer than ${manifestBytesMax} bytes`, 200);
    const event = eventIn(fs.readFileSync(manifest, 'utf8'));
    const files: PulledFile[] = [];
    for (const name of [`${event}.json`, HASHES])
      files.push({ name: `${format.name}-${country}/${name}`, ...(await fetched(name)) });
    await writeFeed(
      path.join(out, `${format.name}-${country}`),
      event,
      piecesOf(aside, [`${event}.json`, HASHES, MANIFEST]),
    );
    return files.slice(0, 1); // the others hold other days too
  } finally {
    fs.rmSync(aside, { recursive: true, force: true });
  }
}

/** Its name becomes a file's: it is looked at before. */
function eventIn(manifest: string): string {
  try {
    const [event = '', ...more] = Object.keys(JSON.parse(manifest));
    if (EVENT.test(event) && more.length === 0) return event;
  } catch {
    // said below
  }
  throw new PullFailed('what answers sends no manifest of a MISP event');
}

async function* piecesOf(folder: string, names: readonly string[]): AsyncGenerator<Piece> {
  for (const file of names) {
    const options = { encoding: 'utf8' as const, highWaterMark: pieceBytes };
    for await (const text of fs.createReadStream(path.join(folder, file), options)) yield { file, text };
  }
}
