/**
 * The rules of ARCHITECTURE.md that a machine can check. Each takes a `Tree` (files by path) and gives its violations, one
 * sentence each: file, line, what is wrong, what to do. architecture.test.ts holds each against made-up trees that break it,
 * and against this one.
 */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAst } from 'vitest/node';

/** Source files: path from the top with forward slashes -> text. */
export type Tree = ReadonlyMap<string, string>;

export const FUNCTION_LINES_MAX = 70;
export const FILE_LINES_MAX = 400;

const PROGRAM_FOLDERS = ['common', 'sensor', 'collector'];
const PROGRAMS = ['sensor/main.ts', 'collector/main.ts'];

/**
 * The stages of each program in the order of the path, with what each may import beside itself; `true` is whatever stands
 * before it. (sensor/ and collector/ may import all of common/.)
 */
const STAGES: Record<string, Record<string, readonly string[] | true>> = {
  common: {
    bits: [],
    limits: [],
    time: [],
    memory: [],
    stdout: [],
    sqlite: ['limits'],
    record: ['limits', 'bits'],
    packet: ['limits', 'bits', 'record'],
    geo: ['limits'],
    protocol: ['limits', 'record', 'packet'],
    batch: ['limits', 'time', 'memory', 'record', 'protocol'],
  },
  sensor: { capture: true, silence: true, spool: true, status: true, ship: true, enrol: true, commands: true },
  collector: {
    registry: true,
    ingest: true,
    log: true,
    reduce: true,
    store: true,
    archive: true,
    peer: true,
    publish: true,
    push: true,
    replay: true,
    commands: true,
  },
};

export function readTree(root: string, patterns: readonly string[]): Tree {
  const files = patterns.flatMap(pattern =>
    globSync(pattern, { cwd: root }).map(file => file.split(path.sep).join('/')),
  );
  return new Map(files.sort().map(file => [file, readFileSync(path.join(root, file), 'utf8')]));
}

// What a file says

interface Import {
  line: number;
  specifier: string;
  /** The file of the tree it points to, undefined for a package or a builtin. */
  target?: string;
  /** `value` runs the target, `type` vanishes before running, `url` names it for a worker. */
  kind: 'value' | 'type' | 'url';
}

/** An ESTree node, as far as it matters here; positions are offsets into the text. */
interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

interface Parsed {
  imports: Import[];
  functions: { line: number; lines: number; name: string }[];
}

const parsedFiles = new Map<string, Parsed>();

function parse(file: string, text: string): Parsed {
  const key = `${file}\0${text}`;
  const known = parsedFiles.get(key);
  if (known) return known;
  const lineAt = lineIndex(text);
  const parsed: Parsed = { imports: [], functions: [] };
  const program = parseAst(text, { lang: file.endsWith('.mjs') ? 'js' : 'ts' }, file) as unknown as Node;
  visit(program, node => {
    const line = lineAt(node.start);
    const found = importOf(node);
    if (found) parsed.imports.push({ ...found, line, target: resolve(file, found.specifier) });
    if (FUNCTIONS.has(node.type)) {
      const name = (node.id as { name?: string } | null)?.name ?? 'a function';
      parsed.functions.push({ line, lines: lineAt(node.end) - line + 1, name });
    }
  });
  parsedFiles.set(key, parsed);
  return parsed;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const MODULE_NODES = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);

function importOf(node: Node): Pick<Import, 'specifier' | 'kind'> | undefined {
  if (MODULE_NODES.has(node.type)) {
    const specifier = (node.source as { value?: unknown } | null)?.value;
    if (typeof specifier !== 'string') return undefined;
    return { specifier, kind: isTypeOnly(node) ? 'type' : 'value' };
  }
  if (node.type !== 'NewExpression' || (node.callee as { name?: string }).name !== 'URL') return undefined;
  const [specifier] = (node.arguments as { value?: unknown }[]).map(argument => argument.value);
  return typeof specifier === 'string' && /^\.{1,2}\/.*\.ts$/.test(specifier) ? { specifier, kind: 'url' } : undefined;
}

function isTypeOnly(node: Node): boolean {
  if (node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type') return true;
  const specifiers = (node.specifiers ?? []) as { importKind?: string; exportKind?: string }[];
  return specifiers.length > 0 && specifiers.every(one => one.importKind === 'type' || one.exportKind === 'type');
}

function visit(node: Node, see: (node: Node) => void) {
  see(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child !== null && typeof child === 'object' && typeof child.type === 'string') visit(child, see);
    }
  }
}

function lineIndex(text: string): (offset: number) => number {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), match => match.index + 1)];
  return offset => {
    const next = starts.findIndex(start => start > offset);
    return next === -1 ? starts.length : next;
  };
}

const resolve = (file: string, specifier: string) =>
  specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : undefined;

// Where a file stands

const folderOf = (file: string) => file.split('/')[0]!;

/** `common/geo/mmdb.ts` and `common/geo.ts` are both of the stage `geo`; `main.ts` is of none. */
const stageOf = (file: string) => path.posix.basename(file.split('/')[1] ?? '', '.ts');

const isProgramFile = (file: string) => PROGRAM_FOLDERS.includes(folderOf(file));

function* importsOf(tree: Tree): Generator<{ file: string; at: string } & Import> {
  for (const [file, text] of tree) {
    for (const found of parse(file, text).imports) yield { ...found, file, at: `${file}:${found.line}` };
  }
}

// The rules

/** sensor -> common <- collector, and nothing else: not tests, not fixtures, not each other. */
export function foldersImportedWrongly(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const { file, at, specifier, target } of importsOf(tree)) {
    if (!isProgramFile(file) || !target || target === 'package.json') continue;
    const [from, to] = [folderOf(file), folderOf(target)];
    if (from === to || (from !== 'common' && to === 'common')) continue;
    const instead = isProgramFile(target) ? 'move what both need to common/' : 'move it to where it belongs';
    wrong.push(`${at} imports ${specifier}: ${from}/ may not import from ${to}/: ${instead}`);
  }
  return wrong;
}

/** Inside a program a stage imports only stages before it; `main.ts` wires them and is imported by nobody. */
export function stagesImportedWrongly(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const { file, at, specifier, target } of importsOf(tree)) {
    const folder = folderOf(file);
    if (!isProgramFile(file) || PROGRAMS.includes(file) || !target || folderOf(target) !== folder) continue;
    const [from, to] = [stageOf(file), stageOf(target)];
    const allowed = stagesBefore(folder, from);
    if (from === to || allowed.includes(to)) continue;
    const may = allowed.length > 0 ? `itself, ${allowed.join(', ')}` : 'itself';
    wrong.push(`${at} imports ${specifier}: ${folder}/${from} may import only ${may}: hand the thing in from main.ts`);
  }
  return wrong;
}

function stagesBefore(folder: string, stage: string): readonly string[] {
  const stages = STAGES[folder]!;
  const names = Object.keys(stages);
  const rule = stages[stage];
  return rule === true ? names.slice(0, names.indexOf(stage)) : (rule ?? []);
}

/** Every file of a program belongs to a stage of the path. */
export function filesOutsideStages(tree: Tree): string[] {
  return [...tree.keys()]
    .filter(file => isProgramFile(file) && !PROGRAMS.includes(file))
    .filter(file => !Object.hasOwn(STAGES[folderOf(file)]!, stageOf(file)))
    .map(file => {
      const stages = Object.keys(STAGES[folderOf(file)]!).join(', ');
      return `${file}:1 is of no stage: put it under one of ${folderOf(file)}/: ${stages}`;
    });
}

/** A fresh clone has no package yet when it runs deploy/bootstrap.mjs. */
export function packagesOfBootstrap(tree: Tree): string[] {
  return [...importsOf(tree)]
    .filter(({ file, specifier }) => file === 'deploy/bootstrap.mjs' && !specifier.startsWith('node:'))
    .map(({ at, specifier }) => `${at} imports ${specifier}: it runs before anything is installed: use node: builtins`);
}

/** An oracle that ran the code it judges would agree with its mistakes. */
export function codeOfOracle(tree: Tree): string[] {
  return [...importsOf(tree)]
    .filter(({ file, kind }) => file === 'fixtures/oracle.ts' && kind !== 'type')
    .filter(({ target }) => target && isProgramFile(target))
    .map(({ at, specifier }) => `${at} imports ${specifier}: the oracle must not run what it judges: import type only`);
}

export function missingPrograms(tree: Tree): string[] {
  return PROGRAMS.filter(file => !tree.has(file)).map(file => `${file}:1 does not exist: a program starts there`);
}

/** Every file is reached from a program, through imports or as a worker. Files only tests use are unused. */
export function unusedFiles(tree: Tree): string[] {
  const reached = new Set(PROGRAMS.filter(file => tree.has(file)));
  for (const file of reached) {
    for (const { target } of parse(file, tree.get(file)!).imports) if (target && tree.has(target)) reached.add(target);
  }
  return [...tree.keys()]
    .filter(file => isProgramFile(file) && !file.endsWith('.d.ts') && !reached.has(file))
    .map(file => `${file}:1 is used by neither ${PROGRAMS.join(' nor ')}: wire it in or remove it`);
}

/** Imports that run each other in a circle see each other half made. Types make no circle: they do not run. */
export function importCycles(tree: Tree): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, trail: string[]) => {
    const start = trail.indexOf(file);
    if (start !== -1) {
      const [first, ...rest] = trail.slice(start);
      cycles.push(
        `${first}:1 imports itself through ${[...rest, file].join(' -> ')}: move what both need to a third file`,
      );
    }
    if (start !== -1 || done.has(file) || !tree.has(file)) return;
    for (const { target, kind } of parse(file, tree.get(file)!).imports) {
      if (target && kind === 'value') walk(target, [...trail, file]);
    }
    done.add(file);
  };
  for (const file of tree.keys()) walk(file, []);
  return cycles;
}

/** A long function is allowed where splitting it would make it worse, and says so: `// Long: the reason` directly above. */
export function longFunctions(tree: Tree): string[] {
  return [...tree].flatMap(([file, text]) => {
    const lines = text.split('\n');
    return parse(file, text)
      .functions.filter(one => one.lines > FUNCTION_LINES_MAX && !commentAbove(lines, one.line).some(isReason))
      .map(one => {
        const size = `${one.name} is ${one.lines} lines long, beyond ${FUNCTION_LINES_MAX}`;
        return `${file}:${one.line} ${size}: split it, or write \`// Long: the reason\` directly above`;
      });
  });
}

/** As for functions; the reason stands in the comment at the file's head. */
export function longFiles(tree: Tree): string[] {
  return [...tree].flatMap(([file, text]) => {
    const lines = text.replace(/\n$/, '').split('\n');
    const head = lines.findIndex(line => line.trim() !== '' && !isComment(line));
    if (lines.length <= FILE_LINES_MAX || lines.slice(0, head).some(isReason)) return [];
    const size = `${lines.length} lines, beyond ${FILE_LINES_MAX}`;
    return [`${file}:1 has ${size}: split it, or write \`// Long: the reason\` at its head`];
  });
}

const isComment = (line: string) => /^\s*(\/\/|\/\*|\*|#!)/.test(line);
const isReason = (line: string) => /^\s*\/\/ Long: \S/.test(line);

/** The unbroken comment lines above a line (counted from 1). */
function commentAbove(lines: readonly string[], line: number): string[] {
  const above = lines.slice(0, line - 1).reverse();
  const end = above.findIndex(text => !isComment(text));
  return end === -1 ? above : above.slice(0, end);
}

/** What is left to do belongs in a list that somebody reads. */
export function leftovers(tree: Tree): string[] {
  const mark = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`);
  return [...tree].flatMap(([file, text]) =>
    text.split('\n').flatMap((line, index) => {
      const found = mark.exec(line)?.[1];
      return found ? [`${file}:${index + 1} says ${found}: do it, or open an entry where the work is listed`] : [];
    }),
  );
}
