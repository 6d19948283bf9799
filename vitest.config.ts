import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { defaultCacheDir } from './common/geo/folder.ts';
import { CountsReporter } from './test/support/counts-reporter.ts';
import { LongestFirst } from './test/support/longest-first.ts';

/** As deploy/code-cache.sh says it: tests start hundreds of our programs, and each would strip and compile all its files. */
const cacheDir = defaultCacheDir();
const NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE ?? (cacheDir && join(cacheDir, 'code'));

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    globals: false,
    env: { ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }) },
    // Tests run real programs (tshark, chromium, our own) side by side on as few as two cores: time for a slow start, not
    // for a hang.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } }, // a second, its default, is less than a busy machine may take
    // One process a file, one file a core: a native addon or a leaked handle of one file cannot hurt another.
    pool: 'forks',
    // vitest would keep a core to itself, and on two cores run one file after the other.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new CountsReporter()],
  },
});
