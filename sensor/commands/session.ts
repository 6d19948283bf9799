/** One run of a sensor: holds the lock of its state, and reads captures or watches interfaces. */

import fs from 'node:fs';
import { Locked, takeLock } from '../../common/sqlite/lock.ts';
import { readConfig } from '../enrol/config.ts';
import { type SensorPaths, sensorPaths } from '../enrol/paths.ts';
import { Failed } from './options.ts';
import { startProgress } from './progress.ts';
import type { RunFlags } from './run.ts';
import { untilSignal } from './running.ts';

/** Returns the exit code. Throws what keeps it from running. */
export async function runSensor(flags: RunFlags): Promise<number> {
  const paths = sensorPaths(flags.state);
  const networks = flags.network ?? readConfig(paths).networks;
  fs.mkdirSync(paths.stateDirectory, { recursive: true, mode: 0o700 });
  const lock = lockState(paths);
  const { interface: interfaces } = flags;
  const progress = await startProgress(flags.read ?? [], flags.quiet || interfaces !== undefined);
  const say = (text: string) => progress.say(`enaga-sensor: ${text}`);
  try {
    return await untilSignal(say, async run => {
      // What the other kind of run needs is not loaded.
      if (interfaces === undefined) return (await import('./captures.ts')).runCaptures(flags, networks, progress, run);
      return (await import('./live.ts')).watchAll(flags, interfaces, networks, run);
    });
  } finally {
    progress.stop();
    lock.release();
  }
}

function lockState({ lock, stateDirectory }: SensorPaths): ReturnType<typeof takeLock> {
  try {
    return takeLock(lock);
  } catch (error) {
    if (!(error instanceof Locked)) throw error;
    throw new Failed(
      `another enaga-sensor runs on ${stateDirectory}: stop it, or give this one a directory of its own with --state`,
    );
  }
}
