/** The archive's folders before a run: nothing stays there that no run committed, and nothing goes that may be all there is. */
import fs from 'node:fs';
import path from 'node:path';
import { BadDatabase } from '../../common/sqlite/open.ts';
import { DAY_MS } from '../../common/time.ts';
import { DayFiles } from '../log/files.ts';
import { DAY_FOLDER, isPartFile, MANIFEST, SPILL } from './layout.ts';
import { filesOf, type Manifest } from './manifest.ts';

/**
 * Throws `BadDatabase` if the log begins behind what the manifest says is gone of it: another manifest knew the parts that have
 * the rest, and to this one they are what a run left.
 */
export function checkBegin(dir: string, logDir: string, manifest: Manifest): void {
  const lack = lackOf(logDir, manifest.gone());
  if (lack !== undefined) throw new BadDatabase(`${path.join(dir, MANIFEST)} ${lack}`);
}

/** What is wrong if the log begins behind what a manifest says is gone of it, 0 where there is none. */
export function lackOf(logDir: string, gone: number): string | undefined {
  const files = new DayFiles(logDir);
  try {
    const [oldest] = files.names();
    if (oldest === undefined) return undefined;
    const { first } = files.open(oldest);
    if (first <= gone + 1) return undefined;
    return `is gone or an older one: ${logDir} begins at position ${first}, and what lies before, from ${gone + 1} on, is in parts that it does not name`;
  } finally {
    files.close();
  }
}

/**
 * Removes what a run that was stopped did not commit, and what it had no time to remove. What somebody else put there stays: its
 * names within the archive are returned.
 */
export function clean(dir: string, manifest: Manifest): string[] {
  const kept = new Set(manifest.parts().flatMap(filesOf));
  const strange: string[] = [];
  for (const folder of fs.readdirSync(dir, { withFileTypes: true })) {
    if (!folder.name.startsWith(DAY_FOLDER)) continue;
    if (!folder.isDirectory()) strange.push(folder.name);
    else strange.push(...cleanFolder(dir, folder.name, kept));
  }
  return strange;
}

function cleanFolder(dir: string, folder: string, kept: ReadonlySet<string>): string[] {
  const strange: string[] = [];
  let left = 0;
  for (const entry of fs.readdirSync(path.join(dir, folder), { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (!kept.has(name) && entry.isFile() && isPartFile(entry.name)) {
      fs.rmSync(path.join(dir, name));
      continue;
    }
    left++;
    if (!kept.has(name)) strange.push(name);
  }
  if (left === 0) fs.rmdirSync(path.join(dir, folder));
  return strange;
}

/** No question of anybody's takes so long. */
const spillMsMax = DAY_MS;

/** Removes what readers left that were killed (`ownSpillOf`). */
export function clearSpills(dir: string, nowMs: number): void {
  for (const name of fs.readdirSync(dir).filter(one => one.startsWith(`${SPILL}-`))) {
    const changedMs = fs.statSync(path.join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
    if (nowMs - changedMs > spillMsMax) fs.rmSync(path.join(dir, name), { recursive: true, force: true });
  }
}
