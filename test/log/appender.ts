/**
 * A process that appends to a log until it is killed: groups of 1 to 8 batches, some of them again, a new day now and then.
 * It tells each acknowledged group in one line, as JSON: `[[sequence, position], ...]`; when the log throws, the codes of that
 * and of a second try, and ends. Arguments: directory, seed, first sequence.
 */
import type { NewBatch } from '../../collector/log/entry.ts';
import { type Appended, Log } from '../../collector/log/log.ts';
import { batch, DAY_MS, NOON } from './batches.ts';

const [dir, seed, first] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
let state = seed;
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

const log = Log.open(dir);
for (let next = first; ; ) {
  const again = random(3) === 0 ? Math.max(1, next - 1 - random(20)) : undefined;
  const size = 1 + random(8);
  const sequences = Array.from({ length: size }, (_, n) => next + n);
  next += size;
  if (again !== undefined) sequences.push(again);
  const receivedMs = NOON + Math.floor(next / 500) * DAY_MS;
  const group = sequences.map(sequence => batch(sequence, { receivedMs, length: 100 + ((sequence * 7919) % 9000) }));
  const [appended, failure] = attempt(group);
  if (failure !== undefined) {
    process.stdout.write(`${JSON.stringify({ failed: [failure, attempt(group)[1]] })}\n`);
    break;
  }
  const told = appended!.map((one, n) => [sequences[n], one.kind === 'conflict' ? 0 : one.position]);
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

function attempt(group: readonly NewBatch[]): [Appended[]?, string?] {
  try {
    return [log.append(group)];
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return [undefined, code ?? message];
  }
}
