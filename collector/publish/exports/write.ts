/**
 * Exports on disk: written under another name and renamed when whole, so that nobody takes half of one. In a MISP feed's
 * directory the events of other days stay, and the manifest, by which readers find an event, comes last.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { BadExport } from './check.ts';
import { HASHES, MANIFEST, type Piece } from './misp.ts';

/** A file in the making. */
interface Draft {
  readonly path: string;
  /** The same for a device or a pipe, which are not to be replaced. */
  readonly target: string;
  readonly handle: FileHandle;
}

async function begin(file: string): Promise<Draft> {
  const found = await stat(file).catch(() => undefined);
  if (found !== undefined && !found.isFile()) return { path: file, target: file, handle: await open(file, 'w') };
  const target = `${file}.tmp`;
  await rm(target, { force: true }); // also a link, which would lead elsewhere
  return { path: file, target, handle: await open(target, 'wx') };
}

async function finish({ path: file, target, handle }: Draft): Promise<void> {
  if (target !== file) await handle.sync();
  await handle.close();
  if (target !== file) await rename(target, file);
}

async function abandon({ path: file, target, handle }: Draft): Promise<void> {
  await handle.close().catch(() => {});
  if (target !== file) await rm(target, { force: true });
}

export async function writeFile(file: string, chunks: AsyncIterable<string>): Promise<void> {
  const draft = await begin(file);
  try {
    for await (const chunk of chunks) await draft.handle.writeFile(chunk);
    await finish(draft);
  } catch (error) {
    await abandon(draft);
    throw error;
  }
}

/** Writes one event into a feed's directory, which is made if need be. `event` is its uuid. */
export async function writeFeed(directory: string, event: string, pieces: AsyncIterable<Piece>): Promise<void> {
  await mkdir(directory, { recursive: true });
  const drafts = new Map<string, Draft>();
  try {
    let manifest = '';
    for await (const { file, text } of pieces) {
      if (file === MANIFEST) {
        manifest += text;
        continue;
      }
      let draft = drafts.get(file);
      if (draft === undefined) {
        draft = await begin(path.join(directory, file));
        drafts.set(file, draft);
      }
      await draft.handle.writeFile(text);
    }
    const hashes = drafts.get(HASHES);
    if (hashes !== undefined) await keepOtherHashes(hashes, event);
    const whole = await begin(path.join(directory, MANIFEST));
    drafts.set(MANIFEST, whole);
    const others = await otherEvents(whole.path);
    await whole.handle.writeFile(`${JSON.stringify({ ...others, ...JSON.parse(manifest) })}\n`);
    for (const draft of drafts.values()) await finish(draft);
  } catch (error) {
    for (const draft of drafts.values()) await abandon(draft);
    throw error;
  }
}

/** What the manifest says so far; the event's own entry is replaced by whoever adds it again. */
async function otherEvents(manifest: string): Promise<object> {
  const text = await readFile(manifest, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  try {
    const found: unknown = JSON.parse(text);
    if (found !== null && typeof found === 'object' && !Array.isArray(found)) return found;
  } catch {
    // said below
  }
  throw new BadExport(`${manifest} is no manifest of a MISP feed: give another directory`);
}

const linesAtOnce = 4096;

async function keepOtherHashes({ path: file, handle }: Draft, event: string): Promise<void> {
  if ((await stat(file).catch(() => undefined)) === undefined) return;
  let kept: string[] = [];
  const flush = async () => {
    await handle.writeFile(kept.map(line => `${line}\n`).join(''));
    kept = [];
  };
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (line === '' || line.endsWith(`,${event}`)) continue;
    kept.push(line);
    if (kept.length === linesAtOnce) await flush();
  }
  await flush();
}
