/**
 * The RIRs' delegated-extended statistics -> ranges.
 *
 *   version|registry|serial|records|first date|last date|UTC offset    2.3|apnic|20260617|80441|19830613|20260616|+1000
 *   registry|*|type|*|count|summary                                    apnic|*|ipv4|*|51234|summary
 *   registry|cc|type|start|value|date|status|opaque-id                 apnic|JP|ipv4|192.0.2.0|768|20100101|allocated|x
 *
 * The value is a count of addresses for ipv4, which need not be a power of two, and a prefix length for ipv6. Fields
 * after the opaque-id (the NRO's joint file has some) are ignored, and so are statuses other than allocated and
 * assigned. EU and AP, which registries write where a block has no one country, stand as they are; ZZ and an empty code
 * are unknown.
 *
 * These files give no ASN: their asn rows say who holds a number, and nothing in them maps a prefix to a number.
 *
 * Where entries overlap (a block in transfer stands in two registries' files), the one that starts later wins while it
 * lasts, so that of nested entries the more specific wins, as in routing; of two with the same range, the one with the
 * later date.
 */
import { parseIpv4, parseIpv6 } from './address.ts';
import { GeoError } from './error.ts';
import type { Source } from './mmdb.ts';
import { allUnknown, append, type Ranges } from './ranges.ts';

export interface DelegatedFile {
  readonly file: string;
  readonly bytes: Buffer;
}

interface Entry<A> {
  readonly start: A;
  readonly end: A; // exclusive
  readonly date: string; // YYYYMMDD, or empty
  readonly value: number;
}

interface Header {
  readonly registry: string;
  readonly date: string; // YYYYMMDD
}

interface Entries {
  readonly ipv4: Entry<number>[];
  readonly ipv6: Entry<bigint>[];
  readonly headers: Header[];
}

type CountryIndex = (code: string) => number;

const DELEGATED_START = /^(?:(?:#.*)?\r?\n)*\d+(?:\.\d+)?\|[a-z]+\|/;
const DATE = /^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/;

export const isDelegated = (bytes: Buffer): boolean => DELEGATED_START.test(bytes.toString('latin1', 0, 65536));

export function readDelegated(files: readonly DelegatedFile[], countryIndex: CountryIndex): Source {
  const entries: Entries = { ipv4: [], ipv6: [], headers: [] };
  for (const file of files) readFile(file, countryIndex, entries);
  const registries = [...new Set(entries.headers.map(header => header.registry))].sort();
  // A set is as old as its oldest member.
  const oldest = entries.headers.map(header => header.date).sort()[0];
  return {
    name: `delegated-extended ${registries.join(' ')}`,
    built: `${oldest.slice(0, 4)}-${oldest.slice(4, 6)}-${oldest.slice(6)}`,
    ipv4: flatten(entries.ipv4, allUnknown(0), 2 ** 32),
    ipv6: flatten(entries.ipv6, allUnknown(0n), 1n << 128n),
  };
}

function readFile({ file, bytes }: DelegatedFile, countryIndex: CountryIndex, entries: Entries): void {
  const lines = bytes.toString('latin1').split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].trimEnd();
    if (line === '' || line.startsWith('#')) continue;
    const wrong = readLine(line.split('|'), countryIndex, entries);
    if (wrong) throw new GeoError(file, `line ${i + 1}: ${wrong}: ${line.slice(0, 100)}`, 'download it again');
  }
}

/** What is wrong with the line, if anything. */
function readLine(fields: string[], countryIndex: CountryIndex, entries: Entries): string | undefined {
  if (/^\d/.test(fields[0])) return readHeader(fields, entries.headers);
  if (fields[5] === 'summary') return undefined;
  if (fields.length < 7) return 'fewer than 7 fields';
  const [, code, type, startText, valueText, date, status] = fields;
  if (type !== 'ipv4' && type !== 'ipv6' && type !== 'asn') return 'type is none of ipv4, ipv6, asn';
  if (type === 'asn' || (status !== 'allocated' && status !== 'assigned')) return undefined;
  if (!/^([a-z]{2})?$/i.test(code)) return 'not a country code';
  const value = countryIndex(code);
  if (type === 'ipv4') {
    const range = ipv4Range(startText, valueText);
    if (!range) return 'not an address and a count';
    entries.ipv4.push({ ...range, date, value });
  } else {
    const range = ipv6Range(startText, valueText);
    if (!range) return 'not a prefix';
    entries.ipv6.push({ ...range, date, value });
  }
  return undefined;
}

/** The last date covered; where a registry leaves it out, the serial, which then is a date. */
function readHeader([, registry, serial, , , lastDate]: string[], headers: Header[]): string | undefined {
  const date = [lastDate, serial].find(text => DATE.test(text ?? ''));
  if (!registry || !date) return 'a version line without registry or date';
  headers.push({ registry, date });
  return undefined;
}

function ipv4Range(startText: string, countText: string) {
  const start = parseIpv4(startText);
  const count = /^[1-9]\d{0,9}$/.test(countText) ? Number(countText) : 0;
  if (start === undefined || count === 0 || start + count > 2 ** 32) return undefined;
  return { start, end: start + count };
}

function ipv6Range(startText: string, lengthText: string) {
  const start = parseIpv6(startText);
  const length = /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : 0;
  if (start === undefined || length < 1 || length > 128) return undefined;
  const size = 1n << BigInt(128 - length);
  return start % size === 0n ? { start, end: start + size } : undefined;
}

type Ordered = number | bigint | string;
const ascending = (a: Ordered, b: Ordered) => (a < b ? -1 : a > b ? 1 : 0);

/** Entries that may overlap -> disjoint ranges: a sweep with the open entries on a stack, the winner on top. */
function flatten<A extends number | bigint>(entries: Entry<A>[], ranges: Ranges<A>, spaceEnd: A): Ranges<A> {
  entries.sort((a, b) => ascending(a.start, b.start) || ascending(b.end, a.end) || ascending(a.date, b.date));
  const open: Entry<A>[] = [];
  const closeUntil = (address: A) => {
    for (let top = open.at(-1); top && top.end <= address; top = open.at(-1)) {
      const { end } = top;
      while (open.length > 0 && open[open.length - 1].end <= end) open.pop();
      if (end < spaceEnd) append(ranges, end, open.at(-1)?.value ?? 0);
    }
  };
  for (const entry of entries) {
    closeUntil(entry.start);
    open.push(entry);
    append(ranges, entry.start, entry.value);
  }
  closeUntil(spaceEnd);
  return ranges;
}
