/**
 * Writes the frames of standard input (one a line, hexadecimal) to the interface that is its argument. Prints how many the
 * kernel refused, as it does with those that a rule drops.
 */
import { writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { createSession } from 'pcap';

const session = createSession(process.argv[2]!, { filter: 'less 1' });
let refused = 0;
for (const line of (await text(process.stdin)).split('\n')) {
  try {
    session.inject(Buffer.from(line, 'hex'));
  } catch {
    refused++;
  }
}
writeSync(1, String(refused));
session.close();
process.exit(); // the binding keeps the process alive
