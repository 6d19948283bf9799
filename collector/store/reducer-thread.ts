/** The folding thread: follows the log into the store (tail.ts) until it is told to stop. What it dies of, the main thread hears. */
import { parentPort, workerData } from 'node:worker_threads';
import { LogReader } from '../log/reader.ts';
import { Registry } from '../registry/registry.ts';
import type { Answer, FoldingOptions, Order } from './orders.ts';
import { Tail } from './tail.ts';

/** The log is looked at so often when nobody says that something came. */
const pollMs = 100;

const { data, hashKey, checkpointMs, closing } = workerData as FoldingOptions;
const port = parentPort!;
const answer = (one: Answer) => port.postMessage(one);

let stopping = false;
let wake = () => {};
port.on('message', (order: Order) => {
  stopping ||= order === 'stop';
  wake();
});

const reader = LogReader.open(data.log);
const registry = Registry.open(data.registry, { readonly: true });
const tail = new Tail({
  reader,
  file: data.store,
  geoDir: data.geo,
  exclusions: () => registry.exclusions(),
  hashKey,
  checkpointMs,
  closing,
  now: Date.now,
  say: text => answer({ kind: 'said', text }),
});
while (!stopping) {
  const more = tail.step();
  answer({ kind: 'progress', progress: tail.progress });
  // Also between two steps of many: so that an order to stop is heard.
  await new Promise<void>(resolve => {
    wake = resolve;
    setTimeout(resolve, more ? 0 : pollMs);
  });
}
tail.stop();
answer({ kind: 'progress', progress: tail.progress });
reader.close();
registry.close();
answer({ kind: 'stopped' });
port.close();
