/** Folds a log until it is killed, or to its end: `node fold-log.ts OPTIONS.json`, whose content `startFolding` is given. */
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
while (!toEnd || folding.progress().position < reader.head()) await new Promise(resolve => setTimeout(resolve, 20));
await folding.stop();
reader.close();
