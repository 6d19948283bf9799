/** `enaga replay` in one thread without distinct sources, which has no option of its own: `node counters.ts CAPTURE OUT.json`. */
import fs from 'node:fs';
import { writeJson } from '../../collector/replay/json.ts';
import { replay } from '../../collector/replay/replay.ts';
import { loadGeo } from '../../common/geo/load.ts';

const [capture, out] = process.argv.slice(2) as [string, string];
const { results, failures } = await replay({
  captures: [capture],
  geo: loadGeo(),
  networks: [],
  threads: 1,
  distinct: false,
});
if (failures.length > 0) throw new Error(failures[0]!.reason);
fs.writeFileSync(out, writeJson(results));
