/** Makes one export of many rows and throws it away. Prints its bytes and the most memory it took, in MB. */
import { FORMATS } from '../../../collector/publish/exports/formats.ts';
import type { Shape } from '../../../collector/publish/exports/iodef.ts';
import { META, manyRows } from './rows.ts';

const [name, shape, count, sources] = process.argv.slice(2) as [string, Shape, string, string];
const format = FORMATS.get(name)!;
const rows = manyRows(Number(count), { sources: Number(sources) });
let bytes = 0;
let longest = 0;
for await (const piece of format.write(rows, META, shape)) {
  const text = typeof piece === 'string' ? piece : piece.text;
  bytes += text.length;
  longest = Math.max(longest, text.length);
}
process.stdout.write(JSON.stringify({ bytes, longest, mb: process.resourceUsage().maxRSS / 1024 }));
