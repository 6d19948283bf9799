/** Replays captures in one thread, and says how many buffers moved or were given back meanwhile. A worker thread for tests. */
import { parentPort, workerData } from 'node:worker_threads';

const { transfer, transferToFixedLength } = ArrayBuffer.prototype;
let moved = 0;
ArrayBuffer.prototype.transfer = function (bytes) {
  moved++;
  return transfer.call(this, bytes);
};
ArrayBuffer.prototype.transferToFixedLength = function (bytes) {
  moved++;
  return transferToFixedLength.call(this, bytes);
};

const { freeMemory } = await import('../../common/memory.ts');
const { loadGeo } = await import('../../common/geo/load.ts');
const { replay } = await import('../../collector/replay/replay.ts');
const { results } = await replay({ captures: workerData, networks: [], geo: loadGeo(), threads: 1, distinct: true });
const whileReplaying = moved;
freeMemory(new ArrayBuffer(8));
parentPort!.postMessage({ records: results.records, whileReplaying, after: moved });
