/**
 * The binary search tree of an MMDB file (https://maxmind.github.io/MaxMind-DB/, "Binary Search Tree Section").
 *
 * It begins the file: nodeCount nodes of two records, for a next bit of 0 and of 1, each of recordBits, big-endian; of
 * two 28-bit records, the middle byte has the upper four bits of both. A record below nodeCount is a node, nodeCount
 * itself says that nothing is known, and one above it points at data.
 *
 * It is walked whole, in address order. To ask mmdb-lib for each prefix in turn would do as well, but begins with an
 * address as text each time, which for the million of them in a database takes seconds.
 */
export interface Tree {
  readonly nodes: DataView;
  readonly nodeCount: number;
  readonly recordBits: number;
}

/** 128 bits, most significant word first; an IPv4 address has 96 zeros in front, also in a tree of IPv4 alone. */
export type Words = Uint32Array;

export interface Subtree {
  readonly root: number;
  /** The first address under the root, and how many of its bits lead there. */
  readonly first: Words;
  readonly depth: number;
  /** A node that is not entered. */
  readonly closed?: number;
}

const ADDRESS_BITS = 128;

const bitOf = (depth: number) => 1 << (31 - (depth & 31));

function recordAt({ nodes, recordBits }: Tree, node: number, bit: number): number {
  const at = (node * recordBits) / 4;
  switch (recordBits) {
    case 24:
      return bit ? nodes.getUint32(at + 2) & 0xffffff : nodes.getUint32(at) >>> 8;
    case 28:
      return bit
        ? nodes.getUint32(at + 3) & 0xfffffff
        : (nodes.getUint32(at) >>> 8) | ((nodes.getUint8(at + 3) & 0xf0) << 20);
    default:
      return nodes.getUint32(bit ? at + 4 : at);
  }
}

/** What the first `bits` bits of an address lead to, from the root of the file on: a node, or a leaf met before. */
export function descend(tree: Tree, address: Words, bits: number): number {
  let record = 0;
  for (let depth = 0; depth < bits && record < tree.nodeCount; depth++) {
    record = recordAt(tree, record, address[depth >>> 5] & bitOf(depth));
  }
  return record;
}

/** Calls `leaf` with the record and the first address of each leaf; the address is the same array each time. */
export function walk(tree: Tree, subtree: Subtree, leaf: (record: number, address: Words) => void): void {
  const { nodeCount } = tree;
  const { first, depth: top, closed } = subtree;
  const address = first.slice();
  const right = new Uint32Array(ADDRESS_BITS); // by depth: the record still to come on the way to here
  let record = subtree.root;
  let depth = top;
  // A tree has one leaf more than nodes; fourfold, for subtrees mounted more than once.
  for (let leaves = 4 * (nodeCount + 1); leaves > 0; leaves--) {
    for (; record < nodeCount && record !== closed && depth < ADDRESS_BITS; depth++) {
      right[depth] = recordAt(tree, record, 1);
      record = recordAt(tree, record, 0);
    }
    leaf(record, address);
    // Up to where the way went left, and right from there.
    while (depth > top && address[(depth - 1) >>> 5] & bitOf(depth - 1)) {
      depth--;
      address[depth >>> 5] ^= bitOf(depth);
    }
    if (depth === top) return;
    record = right[depth - 1];
    address[(depth - 1) >>> 5] |= bitOf(depth - 1);
  }
  throw new Error('the search tree runs in circles');
}
