/**
 * Writes small MMDB files for tests, after the MaxMind DB file format 2.0 (https://maxmind.github.io/MaxMind-DB/): a
 * search tree with two records a node, 16 zero bytes, the data, the marker, the metadata. Checked against mmdblookup in
 * test/geo/mmdb.test.ts.
 *
 *   writeMmdb(path, { databaseType: 'Test-Country-ASN', buildEpoch: 1750000000, ipVersion: 6 }, [
 *     ['192.0.2.0/24', { country: { iso_code: 'JP' }, autonomous_system_number: 64496 }],
 *     ['2001:db8::/32', { country: { iso_code: 'TH' } }],
 *   ]);
 */
import { writeFileSync } from 'node:fs';
import ipaddr from 'ipaddr.js';

export type MmdbValue = string | number | boolean | MmdbValue[] | { [key: string]: MmdbValue };

export interface MmdbOptions {
  databaseType: string;
  /** Seconds since 1970. */
  buildEpoch: number;
  ipVersion: 4 | 6;
  recordSize?: 24 | 28 | 32;
  /** Mounts the IPv4 tree at ::ffff:0:0/96, 2001::/32 and 2002::/16 too, as MaxMind does. */
  aliases?: boolean;
}

type Child = Node | { data: number } | undefined;
interface Node {
  children: [Child, Child];
}

const TYPE = { string: 2, double: 3, uint16: 5, uint32: 6, map: 7, uint64: 9, array: 11, boolean: 14 };
const DATA_SEPARATOR_BYTES = 16;
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

/** Of nested prefixes the more specific wins, of equal ones the later. */
export function writeMmdb(path: string, options: MmdbOptions, entries: [cidr: string, record: MmdbValue][]): void {
  const { ipVersion, recordSize = 24 } = options;
  const offsets = new Map<string, number>();
  const data: Buffer[] = [];
  let dataBytes = 0;
  const offsetOf = (record: MmdbValue) => {
    const key = JSON.stringify(record);
    const offset = offsets.get(key) ?? dataBytes;
    if (offset === dataBytes) dataBytes += data[data.push(encode(record)) - 1]!.length;
    offsets.set(key, offset);
    return offset;
  };
  const root: Node = { children: [undefined, undefined] };
  const prefixes = entries.map(([cidr, record]) => ({ bits: bitsOf(cidr, ipVersion), data: offsetOf(record) }));
  for (const { bits, data } of prefixes.sort((a, b) => a.bits.length - b.bits.length)) insert(root, bits, { data });
  if (options.aliases) alias(root);
  const numbers = number(root);
  const tree = Array.from(numbers.keys(), node => encodeNode(node, numbers, recordSize));
  const metadata = encodeMetadata(options, numbers.size, recordSize);
  writeFileSync(path, Buffer.concat([...tree, Buffer.alloc(DATA_SEPARATOR_BYTES), ...data, MARKER, metadata]));
}

/** IPv4 lies at ::/96 of an IPv6 tree. */
function bitsOf(cidr: string, ipVersion: 4 | 6): number[] {
  const [address, length] = ipaddr.parseCIDR(cidr);
  const bits = address.toByteArray().flatMap(byte => Array.from({ length: 8 }, (_, i) => (byte >> (7 - i)) & 1));
  const prefix = bits.slice(0, length);
  return ipVersion === 6 && address.kind() === 'ipv4' ? [...new Array(96).fill(0), ...prefix] : prefix;
}

const isNode = (child: Child): child is Node => child !== undefined && 'children' in child;

function insert(root: Node, bits: number[], leaf: Child): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const child = node.children[bit];
    const next: Node = isNode(child) ? child : { children: [child, child] };
    node.children[bit] = next;
    node = next;
  }
  node.children[bits.at(-1)!] = leaf;
}

function alias(root: Node): void {
  let ipv4: Child = root;
  for (let depth = 0; depth < 96 && isNode(ipv4); depth++) ipv4 = ipv4.children[0];
  for (const mount of ['::ffff:0:0/96', '2001::/32', '2002::/16']) insert(root, bitsOf(mount, 6), ipv4);
}

/** A Map keeps the order of insertion: the root is node 0. A mounted subtree is met twice and numbered once. */
function number(node: Node, numbers: Map<Node, number> = new Map()): Map<Node, number> {
  if (numbers.has(node)) return numbers;
  numbers.set(node, numbers.size);
  for (const child of node.children) if (isNode(child)) number(child, numbers);
  return numbers;
}

function encodeNode({ children }: Node, numbers: Map<Node, number>, recordSize: number): Buffer {
  const [left, right] = children.map(child => {
    if (child === undefined) return numbers.size;
    return isNode(child) ? numbers.get(child)! : numbers.size + DATA_SEPARATOR_BYTES + child.data;
  }) as [number, number];
  const bytes = Buffer.alloc(recordSize / 4);
  if (recordSize === 32) {
    bytes.writeUInt32BE(left);
    bytes.writeUInt32BE(right, 4);
  } else {
    bytes.writeUIntBE(left & 0xffffff, 0, 3);
    bytes.writeUIntBE(right & 0xffffff, bytes.length - 3, 3);
    // The middle byte of 28 bit records holds the top four bits of the left one, then of the right one.
    if (recordSize === 28) bytes[3] = ((left >>> 24) << 4) | (right >>> 24);
  }
  return bytes;
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([control(TYPE.string, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'boolean') return control(TYPE.boolean, value ? 1 : 0);
  if (typeof value === 'number')
    return Number.isInteger(value) && value >= 0 ? encodeUint(TYPE.uint32, value, 4) : encodeDouble(value);
  if (Array.isArray(value)) return Buffer.concat([control(TYPE.array, value.length), ...value.map(encode)]);
  const fields = Object.entries(value).flatMap(([key, field]) => [encode(key), encode(field)]);
  return Buffer.concat([control(TYPE.map, fields.length / 2), ...fields]);
}

function encodeUint(type: number, value: number, bytes: number): Buffer {
  const digits = Buffer.alloc(8);
  digits.writeBigUInt64BE(BigInt(value));
  return Buffer.concat([control(type, bytes), digits.subarray(8 - bytes)]);
}

function encodeDouble(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return Buffer.concat([control(TYPE.double, 8), bytes]);
}

/** Types above 7 stand in a byte of their own; sizes of 29 and more follow in one byte or two. */
function control(type: number, size: number): Buffer {
  const short = Math.min(size, size < 285 ? 29 : 30);
  const bytes = type > 7 ? [short, type - 7] : [(type << 5) | short];
  if (short === 29) bytes.push(size - 29);
  if (short === 30) bytes.push((size - 285) >> 8, (size - 285) & 255);
  return Buffer.from(bytes);
}

function encodeMetadata(options: MmdbOptions, nodeCount: number, recordSize: number): Buffer {
  const fields: [string, Buffer][] = [
    ['binary_format_major_version', encodeUint(TYPE.uint16, 2, 2)],
    ['binary_format_minor_version', encodeUint(TYPE.uint16, 0, 2)],
    ['build_epoch', encodeUint(TYPE.uint64, options.buildEpoch, 8)],
    ['database_type', encode(options.databaseType)],
    ['description', encode({ en: 'made by a test' })],
    ['ip_version', encodeUint(TYPE.uint16, options.ipVersion, 2)],
    ['languages', encode(['en'])],
    ['node_count', encodeUint(TYPE.uint32, nodeCount, 4)],
    ['record_size', encodeUint(TYPE.uint16, recordSize, 2)],
  ];
  return Buffer.concat([control(TYPE.map, fields.length), ...fields.flatMap(([key, field]) => [encode(key), field])]);
}
