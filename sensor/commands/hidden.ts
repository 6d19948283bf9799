/** A secret typed at a terminal, which does not show it. */
import type { ReadStream } from 'node:tty';

/**
 * One line, edited as readline does; empty if input ended. Ctrl-C ends the process as it does elsewhere. The terminal is set back in
 * each case: by readline as it closes, and on a signal from outside by Node.
 */
export async function askHidden(prompt: string, input: ReadStream): Promise<string> {
  const [{ createInterface }, { Writable }] = await Promise.all([import('node:readline'), import('node:stream')]);
  const nowhere = new Writable({ write: (_piece, _encoding, done) => done() });
  // Raw from here on, so the prompt comes after: what is typed on seeing it is not echoed.
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  process.stderr.write(prompt);
  const line = await new Promise<string | undefined>(resolve => {
    lines.once('line', resolve);
    lines.once('SIGINT', () => resolve(undefined));
    lines.once('close', () => resolve(''));
  });
  lines.close();
  process.stderr.write('\n'); // that of the key was not shown either
  if (line !== undefined) return line;
  process.kill(process.pid, 'SIGINT'); // so that a shell knows of it
  return new Promise(() => {});
}
