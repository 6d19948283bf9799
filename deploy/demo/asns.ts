/**
 * A database of autonomous systems for the demo's made-up senders (traffic.ts), whose AS numbers are made up too: those set aside for
 * documentation (RFC 5398). Who announces the demo's addresses in truth sent none of its packets, and is not named.
 *
 * As an MMDB, MaxMind DB file format 2.0 (https://maxmind.github.io/MaxMind-DB/), of IPv4 alone: the search tree, two records of 32
 * bits a node; 16 zero bytes; the data, a map for each AS; the marker; the metadata.
 */
import assert from 'node:assert/strict';
import type { GeoTable } from '../../common/geo/table.ts';
import { senderBlocks } from './traffic.ts';

/** What the database calls itself: it stands beside every figure that it is behind. */
const NAME = 'made-up AS numbers of the demo (架空のAS番号)';
/** When this month began, in seconds: never so old that a warning is due, and the same bytes for a while, so that a table is made once. */
const BUILT = monthStart(new Date()) / 1000;

/** Documentation AS numbers: 16 of two bytes, 16 of four. */
const FIRST = { small: 64_496, large: 65_536 };
const each = 16;
/** Of each economy's block one AS has so much, another so much; the rest is a hoster's that is in all economies. */
const SHARES = [0.55, 0.3] as const;
const HOSTER = FIRST.large + each - 1;

/** IPv4 addresses of one AS: from `first`, up to but not `end`. */
interface Range {
  readonly first: number;
  readonly end: number;
  readonly asn: number;
}

function monthStart(date: Date): number {
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/** Of a country geography, without ASes. */
export function asnDatabase(geo: GeoTable): Buffer {
  const ranges = senderBlocks(geo).flatMap(({ first, size }, n): Range[] => {
    assert(n < each);
    const cut = first + Math.floor(SHARES[0] * size);
    const rest = cut + Math.floor(SHARES[1] * size);
    return [
      { first, end: cut, asn: FIRST.small + n },
      { first: cut, end: rest, asn: Math.min(FIRST.large + n, HOSTER - 1) },
      { first: rest, end: first + size, asn: HOSTER },
    ];
  });
  return mmdbOf(ranges);
}

type Child = Node | Range | undefined;
interface Node {
  readonly children: [Child, Child];
}

const addressBits = 32;
const dataSeparatorBytes = 16;
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

function mmdbOf(ranges: readonly Range[]): Buffer {
  const root = treeOf(ranges, 0, 2 ** addressBits) as Node;
  const nodes: Node[] = [root];
  for (let n = 0; n < nodes.length; n++) for (const child of nodes[n]!.children) if (isNode(child)) nodes.push(child);
  const numbers = new Map(nodes.map((node, n) => [node, n]));
  const asns = [...new Set(ranges.map(({ asn }) => asn))];
  const records = asns.map(asn => map([['autonomous_system_number', uint(6, asn, 4)]]));
  const offsets = new Map<number, number>();
  let length = 0;
  for (const [n, asn] of asns.entries()) {
    offsets.set(asn, length);
    length += records[n]!.length;
  }
  const tree = Buffer.alloc(8 * nodes.length);
  const recordOf = (child: Child): number => {
    if (child === undefined) return nodes.length;
    return isNode(child) ? numbers.get(child)! : nodes.length + dataSeparatorBytes + offsets.get(child.asn)!;
  };
  for (const [n, { children }] of nodes.entries())
    for (const [side, child] of children.entries()) tree.writeUInt32BE(recordOf(child), 8 * n + 4 * side);
  return Buffer.concat([tree, Buffer.alloc(dataSeparatorBytes), ...records, MARKER, metadata(nodes.length)]);
}

const isNode = (child: Child): child is Node => child !== undefined && 'children' in child;

/** What of these ranges lies among `size` addresses, a power of two. */
function treeOf(ranges: readonly Range[], from: number, size: number): Child {
  const within = ranges.filter(({ first, end }) => first < from + size && end > from);
  const [range] = within;
  if (range === undefined) return undefined;
  if (range.first <= from && range.end >= from + size) return range;
  const half = size / 2;
  return { children: [treeOf(within, from, half), treeOf(within, from + half, half)] };
}

function metadata(nodes: number): Buffer {
  return map([
    ['binary_format_major_version', uint(5, 2, 2)],
    ['binary_format_minor_version', uint(5, 0, 2)],
    ['build_epoch', Buffer.concat([Buffer.from([8, 9 - 7]), uintBytes(BUILT, 8)])], // types above 7 have a byte of their own
    ['database_type', string(NAME)],
    ['description', map([['en', string('AS numbers for documentation (RFC 5398), made up for a demo')]])],
    ['ip_version', uint(5, 4, 2)],
    ['languages', Buffer.concat([Buffer.from([1, 11 - 7]), string('en')])],
    ['node_count', uint(6, nodes, 4)],
    ['record_size', uint(5, 32, 2)],
  ]);
}

const map = (fields: readonly (readonly [key: string, value: Buffer])[]): Buffer =>
  Buffer.concat([control(7, fields.length), ...fields.flatMap(([key, value]) => [string(key), value])]);
const uint = (type: number, value: number, bytes: number): Buffer =>
  Buffer.concat([control(type, bytes), uintBytes(value, bytes)]);

function uintBytes(value: number, bytes: number): Buffer {
  const digits = Buffer.alloc(8);
  digits.writeBigUInt64BE(BigInt(value));
  return digits.subarray(8 - bytes);
}

/** UTF-8. Sizes from 29 to 284 stand in a byte of their own. */
function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  const size = bytes.length < 29 ? control(2, bytes.length) : Buffer.from([(2 << 5) | 29, bytes.length - 29]);
  return Buffer.concat([size, bytes]);
}

/** Type and size in one byte. */
function control(type: number, size: number): Buffer {
  assert(type < 8 && size < 29);
  return Buffer.from([(type << 5) | size]);
}
