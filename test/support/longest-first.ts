/** The order of test files: those that take longest begin first, or a core would wait for the last of them. */
import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The longest first. vitest knows how long a file takes only where it has run before; elsewhere it goes by size, and a short file
 * may start hundreds of programs.
 */
const LONGEST = [
  ...['publish/pages/browser', 'pipe/fire', 'deploy/package', 'publish/pages/day', 'store/kill', 'pipe/many'],
  ...['pipe/end-to-end', 'faults/past', 'live/tripwire', 'live/disk', 'live/recipes', 'deploy/recipes', 'faults/clock'],
  ...['faults/store-killed', 'faults/kill-at-write'],
].map(name => path.resolve(import.meta.dirname, '..', `${name}.test.ts`));

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.indexOf(moduleId);
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b)); // a stable sort: others stay as they were
  }
}
