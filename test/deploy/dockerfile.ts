/** What the Dockerfile says, stage by stage. */
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../support/enaga.ts';

export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly (readonly [word: string, rest: string])[];
}

/** The stages of the Dockerfile, lines that go on joined. */
function stagesOf(text: string): Stage[] {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
  const stages: { name: string; from: string; instructions: [string, string][] }[] = [];
  for (const line of lines) {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line)!;
    const [, from, name] = /^(\S+) AS (\S+)$/.exec(rest!) ?? [];
    if (word === 'FROM') stages.push({ from: from!, name: name!, instructions: [] });
    else stages.at(-1)!.instructions.push([word!, rest!]);
  }
  return stages;
}

export const stages = stagesOf(fs.readFileSync(path.join(root, 'deploy/container/Dockerfile'), 'utf8'));

export const last = (stage: Stage, word: string): string | undefined =>
  stage.instructions.findLast(([one]) => one === word)?.[1];

/** Words of a command in the form that is run without a shell; of a health check what follows its options. */
export const wordsOf = (name: string, word: 'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK'): string[] =>
  JSON.parse(/\[.*\]$/.exec(last(stages.find(stage => stage.name === name)!, word)!)![0]);
