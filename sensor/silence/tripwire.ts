/**
 * What the rules of silence had to stop: something on this machine wants to answer, or to speak. The rules are for root, and a
 * sensor is not: a timer of root's writes their counters to a file each half a minute (enaga-silence-counters.timer). A sensor
 * that runs as root, and finds no such file, looks itself.
 */
import fs from 'node:fs';
import { SilenceError } from './plan.ts';
import { COUNTERS, type CounterName, tableOf } from './rules.ts';
import { tryTool } from './tools.ts';

/** As `nft -j list counters` prints it: no address is in it. */
export const COUNTERS_FILE = '/run/enaga-silence/counters.json';
/** An older one is of a timer that does not run. */
const fileMsMax = 5 * 60_000;

interface Listed {
  readonly counter?: { readonly table: string; readonly name: string; readonly packets: number };
}

const isStop = (name: string): boolean => name.startsWith('stopped') && COUNTERS[name as CounterName]?.[0] === 'drop';

/** Frames that the rules of these interfaces stopped since they were installed; undefined if nobody can say. */
export function stoppedFrames(devices: readonly string[], nowMs: number, file = COUNTERS_FILE): number | undefined {
  const text = fresh(file, nowMs) ?? (process.geteuid?.() === 0 ? asked() : undefined);
  const listed = text === undefined ? undefined : listedIn(text);
  if (listed === undefined) return undefined;
  const tables = new Set(devices.map(tableOf));
  return listed
    .flatMap(({ counter }) => counter ?? [])
    .filter(({ table, name }) => tables.has(table) && isStop(name))
    .reduce((sum, { packets }) => sum + packets, 0);
}

/** Undefined of a file that is cut short, or another's: the sensor goes on without. */
function listedIn(text: string): readonly Listed[] | undefined {
  try {
    const { nftables } = JSON.parse(text) as { nftables?: readonly Listed[] };
    return Array.isArray(nftables) ? nftables : undefined;
  } catch {
    return undefined;
  }
}

function fresh(file: string, nowMs: number): string | undefined {
  try {
    return nowMs - fs.statSync(file).mtimeMs > fileMsMax ? undefined : fs.readFileSync(file, 'utf8');
  } catch {
    return undefined; // not there, or not for this user
  }
}

function asked(): string | undefined {
  try {
    const listed = tryTool('nft', ['-j', 'list', 'counters']);
    return listed.ok ? listed.stdout : undefined;
  } catch (error) {
    if (error instanceof SilenceError) return undefined; // no nft, no rules
    throw error;
  }
}
