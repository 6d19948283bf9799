/**
 * Guards ARCHITECTURE.md: who may import whom, nothing unused, nothing too long. First that each rule finds what breaks it
 * and lets pass what does not, on made-up trees; then that it finds nothing in this one.
 */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as rules from './support/architecture.ts';

type Rule = (tree: rules.Tree) => string[];

const made = (files: Record<string, string>): rules.Tree => new Map(Object.entries(files));
const placesFound = (rule: Rule, files: Record<string, string>) => rule(made(files)).map(text => text.split(' ')[0]);
const linesOf = (count: number) => Array.from({ length: count }, (_, index) => `call(${index});\n`).join('');

describe('each rule finds what breaks it, and nothing else', () => {
  it('folders: sensor -> common <- collector', () => {
    const files = {
      'sensor/main.ts': "import '../common/limits.ts';\nimport p from '../package.json' with { type: 'json' };",
      'sensor/ship/http.ts': "\nimport type { Ack } from '../../collector/ingest/ack.ts';",
      'collector/log/log.ts': "\n\nconst x = await import('../../sensor/spool/spool.ts');",
      'common/geo/table.ts': "export { a } from '../../collector/publish/names.ts';",
      'common/packet/read.ts': "let r: import('../../sensor/capture/live.ts').Live;",
      'collector/replay/run.ts': "import { it } from '../../test/support/x.ts';",
      'collector/replay/pool.ts': "new Worker(new URL('../../sensor/ship/http.ts', import.meta.url));",
      'test/any.test.ts': "import '../collector/log/log.ts';",
    };
    expect(placesFound(rules.foldersImportedWrongly, files)).toEqual([
      'sensor/ship/http.ts:2',
      'collector/log/log.ts:3',
      'common/geo/table.ts:1',
      'common/packet/read.ts:1',
      'collector/replay/run.ts:1',
      'collector/replay/pool.ts:1',
    ]);
    expect(rules.foldersImportedWrongly(made(files))[0]).toBe(
      'sensor/ship/http.ts:2 imports ../../collector/ingest/ack.ts: sensor/ may not import from collector/: ' +
        'move what both need to common/',
    );
  });

  it('stages: only those before it on the path', () => {
    const files = {
      'collector/main.ts': "import './replay/replay.ts';",
      'collector/reduce/cube.ts': "import '../ingest/a.ts';\nimport './sketch.ts';\nimport '../store/store.ts';",
      'sensor/spool/spool.ts': "import '../capture/a.ts';\nimport '../main.ts';",
      'common/packet/decode.ts': "import '../record/a.ts';\nimport '../limits.ts';\nimport '../geo/a.ts';",
      'common/geo/table.ts': "import '../limits.ts';\nimport '../record/a.ts';",
      'common/batch/seal.ts': "import '../protocol/a.ts';\nimport '../packet/a.ts';",
      'common/limits.ts': "import type { A } from './record/a.ts';",
    };
    expect(placesFound(rules.stagesImportedWrongly, files)).toEqual([
      'collector/reduce/cube.ts:3',
      'sensor/spool/spool.ts:2',
      'common/packet/decode.ts:3',
      'common/geo/table.ts:2',
      'common/batch/seal.ts:2',
      'common/limits.ts:1',
    ]);
  });

  it('stages: no other folders', () => {
    const files = { 'common/limits.ts': '', 'common/utils/a.ts': '', 'sensor/helpers.ts': '', 'sensor/main.ts': '' };
    expect(placesFound(rules.filesOutsideStages, files)).toEqual(['common/utils/a.ts:1', 'sensor/helpers.ts:1']);
  });

  it('set-up: no package', () => {
    const files = {
      'deploy/bootstrap.mjs': "import 'node:fs';\nimport semver from 'semver';",
      'deploy/demo.ts': "import 'x';",
    };
    expect(placesFound(rules.packagesOfBootstrap, files)).toEqual(['deploy/bootstrap.mjs:2']);
  });

  it('oracle: only types of our code', () => {
    const oracle =
      "import type { A } from '../common/record/a.ts';\nimport { type B } from '../collector/reduce/b.ts';\n" +
      "import { c } from '../common/packet/c.ts';\nimport 'node:fs';";
    expect(placesFound(rules.codeOfOracle, { 'fixtures/oracle.ts': oracle })).toEqual(['fixtures/oracle.ts:3']);
  });

  it('programs: both exist', () => {
    expect(placesFound(rules.missingPrograms, { 'sensor/main.ts': '' })).toEqual(['collector/main.ts:1']);
  });

  it('unused: reached from no program', () => {
    const files = {
      'sensor/main.ts': "const { a } = await import('./capture/a.ts');",
      'sensor/capture/a.ts': "export * from './b.ts';\nnew Worker(new URL('./worker.ts', import.meta.url));",
      'sensor/capture/b.ts': '',
      'sensor/capture/worker.ts': "import type { C } from '../../common/record/c.ts';",
      'common/record/c.ts': '',
      'common/record/dead.ts': "import './deadly.ts';",
      'common/record/deadly.ts': '',
      'test/dead.test.ts': "import '../common/record/dead.ts';",
    };
    expect(placesFound(rules.unusedFiles, files)).toEqual(['common/record/dead.ts:1', 'common/record/deadly.ts:1']);
  });

  it('cycles: of imports that run', () => {
    const files = {
      'common/geo/a.ts': "import './b.ts';",
      'common/geo/b.ts': "import './c.ts';",
      'common/geo/c.ts': "import './a.ts';",
      'common/record/a.ts': "import './b.ts';",
      'common/record/b.ts': "import type { A } from './a.ts';",
    };
    expect(rules.importCycles(made(files))).toEqual([
      'common/geo/a.ts:1 imports itself through common/geo/b.ts -> common/geo/c.ts -> common/geo/a.ts: ' +
        'move what both need to a third file',
    ]);
  });

  it('long functions: without a reason', () => {
    const inside = linesOf(rules.FUNCTION_LINES_MAX - 2);
    const files = {
      'common/geo/fits.ts': `export function fits() {\n${inside}}\n`,
      'common/geo/long.ts': `\nexport function long() {\n${inside}\n}\n`,
      'common/geo/arrow.ts': `export const arrow = () => {\n${inside}\n};\n`,
      'common/geo/method.ts': `class A {\n  method(): void {\n${inside}\n}\n}\n`,
      'common/geo/reason.ts': `/** What. */\n// Long: one state machine.\nexport function long() {\n${inside}\n}\n`,
      'common/geo/far.ts': `// Long: of another.\n\nexport function long() {\n${inside}\n}\n`,
      'common/geo/empty.ts': `// Long:\nexport function long() {\n${inside}\n}\n`,
    };
    expect(placesFound(rules.longFunctions, files)).toEqual([
      'common/geo/long.ts:2',
      'common/geo/arrow.ts:1',
      'common/geo/method.ts:2',
      'common/geo/far.ts:3',
      'common/geo/empty.ts:2',
    ]);
  });

  it('long files: without a reason', () => {
    const files = {
      'common/geo/fits.ts': linesOf(rules.FILE_LINES_MAX),
      'common/geo/long.ts': linesOf(rules.FILE_LINES_MAX + 1),
      'common/geo/reason.ts': `/**\n * What.\n */\n// Long: one format.\n${linesOf(rules.FILE_LINES_MAX)}`,
      'common/geo/late.ts': `call();\n// Long: too late.\n${linesOf(rules.FILE_LINES_MAX)}`,
    };
    expect(placesFound(rules.longFiles, files)).toEqual(['common/geo/long.ts:1', 'common/geo/late.ts:1']);
  });

  it('leftovers', () => {
    const [toDo, fixMe] = ['TO' + 'DO', 'FIX' + 'ME']; // this file is searched too
    const files = { 'common/geo/a.ts': `\n// ${toDo}: more\nconst mastodon = 1; // ${fixMe}` };
    expect(placesFound(rules.leftovers, files)).toEqual(['common/geo/a.ts:2', 'common/geo/a.ts:3']);
  });
});

describe('this tree', () => {
  const root = path.resolve(import.meta.dirname, '..');
  const programs = ['{common,sensor,collector}/**/*.ts'];
  const ours = [...programs, '{deploy,fixtures}/**/*.{ts,mjs}'];
  const tree = rules.readTree(root, ours);
  const everything = rules.readTree(root, [...ours, 'test/**/*.ts', '*.ts']);
  const programTree = rules.readTree(root, [...programs, 'deploy/**/*.{ts,mjs}']);

  it('was read', () => expect(tree.has('deploy/bootstrap.mjs')).toBe(true));
  it('has both programs', () => expect(rules.missingPrograms(tree)).toEqual([]));
  it('keeps sensor and collector apart', () => expect(rules.foldersImportedWrongly(tree)).toEqual([]));
  it('has files only in stages', () => expect(rules.filesOutsideStages(tree)).toEqual([]));
  it('imports along the path', () => expect(rules.stagesImportedWrongly(tree)).toEqual([]));
  it('sets up without packages', () => expect(rules.packagesOfBootstrap(tree)).toEqual([]));
  it('has an oracle of its own mind', () => expect(rules.codeOfOracle(tree)).toEqual([]));
  it('has no unused file', () => expect(rules.unusedFiles(tree)).toEqual([]));
  it('has no import cycle', () => expect(rules.importCycles(tree)).toEqual([]));
  it('gives a reason for each long function', () => expect(rules.longFunctions(programTree)).toEqual([]));
  it('gives a reason for each long file', () => expect(rules.longFiles(programTree)).toEqual([]));
  it('leaves nothing half done', () => expect(rules.leftovers(everything)).toEqual([]));
});
