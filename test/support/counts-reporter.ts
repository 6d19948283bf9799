/**
 * Ends a test run with each skipped test and its reason, then `N passed, N failed, N skipped` alone on a line, for readers
 * that know no test runner. vitest counts files and errors apart; here whatever went wrong counts as one failed: a test, a
 * file that does not load, an error outside any test. The exit code stays vitest's own.
 */
import type { Reporter, TestModule, Vitest } from 'vitest/node';

export class CountsReporter implements Reporter {
  #isFiltered = false;

  onInit(vitest: Vitest) {
    this.#isFiltered = vitest.config.testNamePattern !== undefined; // nobody wants the names of all the others
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const lines: string[] = [];
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed++;
      for (const test of module.children.allTests()) {
        const result = test.result();
        counts[result.state === 'pending' ? 'failed' : result.state]++; // pending: the run ended before it did
        if (result.state !== 'skipped' || this.#isFiltered) continue;
        lines.push(`skipped: ${module.relativeModuleId} > ${test.fullName}${result.note ? ` (${result.note})` : ''}`);
      }
    }
    lines.push(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    process.stdout.write(`${lines.join('\n')}\n`);
  }
}
