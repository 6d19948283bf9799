/** Long answers on standard output. */
import { pipeline } from 'node:stream/promises';

/** Ends well, too, when the reader has seen enough (`| head`) and closes the pipe. */
export async function toStdout(chunks: Iterable<string> | AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(chunks, process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
