/** What the parts of a run share. */
import { channel } from 'node:diagnostics_channel';

/** Age of a batch's first packet at which it is sealed. */
export const batchMsMax = 10_000;
/** For what is under way when a signal ends the run. */
export const stopMsMax = 5000;

/** Packets are read from now on: for whoever was loaded before the program and tells systemd (deploy/package/service.mjs). */
export const tellReady = (): void => channel('enaga-sensor:ready').publish({});

/** A run that ends by a signal, or by what breaks in it. */
export interface Run {
  readonly signal: AbortSignal;
  /** Something broke: ends the run with this. */
  readonly fail: (error: unknown) => void;
  /** A line for whoever watches. */
  readonly say: (text: string) => void;
}

/** Does the work until it ends, a signal comes or something breaks, which it then throws. */
export async function untilSignal<Result>(
  say: (text: string) => void,
  work: (run: Run) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController();
  let broken: { error: unknown } | undefined;
  const fail = (error: unknown) => {
    broken ??= { error };
    stop.abort();
  };
  const onSignal = () => stop.abort();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, onSignal);
  try {
    const result = await work({ signal: stop.signal, fail, say });
    if (broken !== undefined) throw broken.error;
    return result;
  } finally {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.off(name, onSignal);
  }
}
