import { describe, expect, test } from 'vitest';
import { descend, walk } from '../../common/geo/tree.ts';

/** One node, whose records a database of over 16 million nodes could have: every bit of a record counts. */
const ONE_NODE: [recordBits: number, hex: string, left: number, right: number][] = [
  [24, 'fedcba 123456', 0xfedcba, 0x123456],
  [28, 'edcba9 f1 234567', 0xfedcba9, 0x1234567],
  [28, '234567 1f edcba9', 0x1234567, 0xfedcba9],
  [32, 'fedcba98 12345678', 0xfedcba98, 0x12345678],
];

const treeOf = (recordBits: number, hex: string, nodeCount: number) => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return { nodes: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), nodeCount, recordBits };
};

function leavesOf(...[tree, subtree]: [Parameters<typeof walk>[0], Parameters<typeof walk>[1]]) {
  const leaves: [number, string][] = [];
  walk(tree, subtree, (record, address) => {
    leaves.push([record, Array.from(address, word => word.toString(16).padStart(8, '0')).join(' ')]);
  });
  return leaves;
}

test.each(ONE_NODE)('records of %i bits: %s', (recordBits, hex, left, right) => {
  const tree = treeOf(recordBits, hex, 1);
  expect(leavesOf(tree, { root: 0, first: new Uint32Array(4), depth: 96 })).toEqual([
    [left, '00000000 00000000 00000000 00000000'],
    [right, '00000000 00000000 00000000 80000000'],
  ]);
  expect(descend(tree, Uint32Array.of(0x80000000, 0, 0, 0), 3)).toBe(right);
});

describe('a chain to the right', () => {
  // Node n: left is leaf 9, right the next node; the last one's right is leaf 8.
  const chain = treeOf(24, '000009 000001  000009 000002  000009 000008', 3);

  test('leaves in address order, each with its first address, across a word', () => {
    const first = Uint32Array.of(0x20000000, 0, 0, 0);
    expect(leavesOf(chain, { root: 0, first, depth: 30 })).toEqual([
      [9, '20000000 00000000 00000000 00000000'],
      [9, '20000002 00000000 00000000 00000000'],
      [9, '20000003 00000000 00000000 00000000'],
      [8, '20000003 80000000 00000000 00000000'],
    ]);
    expect(first[0]).toBe(0x20000000);
  });

  test('a closed node is a leaf, and so is a node below the last bit', () => {
    const closed = leavesOf(chain, { root: 0, first: new Uint32Array(4), depth: 96, closed: 1 });
    expect(closed.map(([record]) => record)).toEqual([9, 1]);
    const last = leavesOf(chain, { root: 0, first: new Uint32Array(4), depth: 126 });
    expect(last.map(([record]) => record)).toEqual([9, 9, 2]);
  });

  test('the way down ends at a leaf met before', () => {
    expect(descend(chain, Uint32Array.of(0xffffffff, 0, 0, 0), 2)).toBe(2);
    expect(descend(chain, Uint32Array.of(0x40000000, 0, 0, 0), 32)).toBe(9);
  });
});

test('a tree that runs in circles ends', () => {
  const circle = treeOf(24, '000000 000000', 1);
  expect(() => leavesOf(circle, { root: 0, first: new Uint32Array(4), depth: 0 })).toThrow(/circles/);
});
