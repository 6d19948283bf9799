/**
 * Folds a log until it is killed, or to its end: `node fold-log.ts OPTIONS.json`, whose content `startFolding` is given. At the end it
 * tells where it is again and again: whoever waits for a second commit does not wait for ever where one was enough.
 */
import fs from 'node:fs';
import { LogReader } from '../../collector/log/reader.ts';
import { startFolding } from '../../collector/store/folding.ts';

const { options, toEnd } = JSON.parse(fs.readFileSync(process.argv[2]!, 'utf8'));
const folding = startFolding({ ...options, say: text => console.log(text) });
folding.failed.then(error => {
  console.error(error);
  process.exit(1);
});
const reader = LogReader.open(options.data.log);
let before = 0;
for (;;) {
  const { position } = folding.progress();
  const isAtEnd = position === reader.head();
  if (position !== before || isAtEnd) console.log(position); // whoever kills it knows where it is
  before = position;
  if (toEnd && isAtEnd) break;
  await new Promise(resolve => setTimeout(resolve, 2));
}
await folding.stop();
reader.close();
