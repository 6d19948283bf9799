/** A worker thread of a replay: does what is ordered (orders.ts), one order after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { CellTable } from '../reduce/cells.ts';
import { TABLES } from '../reduce/day.ts';
import { SourceTable, sourcesMaxDefault } from '../reduce/sources.ts';
import { type Answer, buffersOf, type Merge, type Order } from './orders.ts';
import { Pipeline } from './pipeline.ts';

const pipeline = new Pipeline(workerData);

function answer(order: Order): Answer {
  switch (order.kind) {
    case 'take': {
      const { bytes, packets } = order;
      pipeline.take({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }, packets);
      return { kind: 'taken' };
    }
    case 'finish': {
      const days = pipeline.days().map(day => day.data());
      const { skipped, unknownLinkTypes } = pipeline;
      return { kind: 'finished', days, skipped, unknownLinkTypes };
    }
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
  parentPort!.postMessage(given, given.kind === 'taken' ? [] : buffersOf(given));
});
