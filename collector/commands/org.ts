/** `enaga org`: organisations, which own sensors. */
import { Command } from 'commander';
import { dataOption } from './data.ts';
import { reporting } from './outcome.ts';
import { addExamples, isoTime, printJson, printLines, printTable, withRegistry } from './registry.ts';

const EXAMPLES = {
  add: ["add example --title 'Example University'"],
  list: ['list --json'],
};

/** The command, for the program to add. */
export function orgCommand(): Command {
  const org = new Command('org').description('Organisations, which own sensors').exitOverride(); // before its own commands are made, which take it over: wrong usage is exit code 2 everywhere
  org
    .command('add')
    .description('Add an organisation')
    .argument('<name>', 'letters, digits, dot, dash and underscore')
    .option('--title <title>', 'what people call it (its name unless given)')
    .addOption(dataOption())
    .action(reporting('org add', addOrganisation));
  org
    .command('list')
    .description('List all organisations')
    .option('--json', 'as JSON', false)
    .addOption(dataOption())
    .action(reporting('org list', listOrganisations));
  addExamples(org, EXAMPLES);
  return org;
}

function addOrganisation(name: string, { data, title }: { data: string; title?: string }): void {
  withRegistry(data, registry => registry.addOrganisation({ name, ...(title !== undefined && { title }) }, Date.now()));
  printLines(`organisation ${name} added`);
}

function listOrganisations({ data, json }: { data: string; json: boolean }): void {
  const organisations = withRegistry(data, registry => registry.organisations());
  if (json) {
    printJson(organisations.map(({ createdMs, ...rest }) => ({ ...rest, created: isoTime(createdMs) })));
    return;
  }
  if (organisations.length === 0) {
    printLines('no organisation yet: enaga org add NAME');
    return;
  }
  printTable(
    ['name', 'title'],
    organisations.map(({ name, title }) => [name, title]),
  );
}
