/** A worker thread of a replay: does what is ordered (orders.ts), one order after another. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Records } from '../../common/record/record.ts';
import { CellTable } from '../reduce/cells.ts';
import { TABLES } from '../reduce/day.ts';
import { Reducer } from '../reduce/reducer.ts';
import type { SettleElsewhere } from '../reduce/settle.ts';
import { SourceTable, sourcesMaxDefault } from '../reduce/sources.ts';
import { type Answer, buffersOf, type Merge, type Order, SENSOR, type Settle, type WorkerOptions } from './orders.ts';

const { settled, ...options } = workerData as WorkerOptions;
const reducer = new Reducer({ ...options, ...(settled !== undefined && { elsewhere: settleElsewhere(settled) }) });
const blocks: Records[] = [];

/** Asks the main thread, and later sleeps until it has. */
function settleElsewhere(settled: Int32Array): SettleElsewhere {
  return flows => {
    const before = Atomics.load(settled, 0);
    const settle: Settle = { kind: 'settle', flows };
    parentPort!.postMessage(settle);
    return () => void Atomics.wait(settled, 0, before);
  };
}

function answer(order: Order): Answer {
  switch (order.kind) {
    case 'fold': {
      if (order.records !== undefined) blocks[order.block] = order.records;
      const records = blocks[order.block]!;
      records.count = order.count;
      records.hour = order.hour;
      reducer.fold(records, SENSOR);
      return { kind: 'folded' };
    }
    case 'finish':
      return { kind: 'finished', days: reducer.days().map(day => day.data()) };
    case 'merge':
      return { kind: 'merged', data: merged(order.merge) };
  }
}

function merged(merge: Merge) {
  if (merge.table === 'sources') {
    const [into, ...others] = merge.parts.map(data => new SourceTable(sourcesMaxDefault, data));
    for (const other of others) into!.merge(other);
    return into!.data();
  }
  const [into, ...others] = merge.parts.map(data => new CellTable(TABLES[merge.table], data));
  for (const other of others) into!.merge(other);
  return into!.data();
}

parentPort!.on('message', (order: Order) => {
  const given = answer(order);
  parentPort!.postMessage(given, given.kind === 'folded' ? [] : buffersOf(given));
});
