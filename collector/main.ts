/**
 * `enaga`: counts what reaches unused addresses. Its commands; what each does is elsewhere.
 * Exit codes: 0 done, 1 it could not be done (standard error says why), 2 the command line is wrong; a command may have more.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { Command, CommanderError, Help, type Option } from 'commander';
import { defaultCacheDir } from '../common/geo/folder.ts';
import packageJson from '../package.json' with { type: 'json' };

// What Node makes of our files is kept, for worker threads too: a command of a moment takes half the time. Not where Node would
// keep it by itself, in a folder for temporary files that others can write to.
const cacheDir = defaultCacheDir();
if (cacheDir !== undefined) {
  process.env.NODE_COMPILE_CACHE ??= join(cacheDir, 'code');
  enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

/** Each loads what it needs and no more: a command of a moment is not to wait for the server's packages. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./commands/init.ts')).initCommand(),
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  org: async () => (await import('./commands/org.ts')).orgCommand(),
  sensor: async () => (await import('./commands/sensor.ts')).sensorCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  days: async () => (await import('./commands/days.ts')).daysCommand(),
  recount: async () => (await import('./commands/recount.ts')).recountCommand(),
  export: async () => (await import('./commands/export.ts')).exportCommand(),
  member: async () => (await import('./commands/member.ts')).memberCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  pull: async () => (await import('./commands/pull.ts')).pullCommand(),
  peer: async () => (await import('./commands/peer.ts')).peerCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  dshield: async () => (await import('./commands/dshield.ts')).dshieldCommand(),
  push: async () => (await import('./commands/push.ts')).pushCommand(),
  archive: async () => (await import('./commands/archive.ts')).archiveCommand(),
  sql: async () => (await import('./commands/sql.ts')).sqlCommand(),
  backup: async () => (await import('./commands/backup.ts')).backupCommand(),
  restore: async () => (await import('./commands/restore.ts')).restoreCommand(),
  replay: async () => (await import('./replay/command.ts')).replayCommand(),
  batch: async () => (await import('./commands/batch.ts')).batchCommand(),
};

const program = new Command('enaga')
  .description('An open darknet observatory: count what reaches unused addresses.')
  .version(packageJson.version)
  .exitOverride()
  .configureHelp({ optionDescription })
  .addHelpText(
    'after',
    `
A collector, from nothing (--data names its directory, everywhere):
  enaga init                                                       makes the directory
  enaga org add example-csirt                                      an organisation that owns sensors
  enaga serve                                                      takes what sensors send, and counts it
  enaga sensor add tokyo --owner example-csirt --economy JP --network 192.0.2.0/24
  enaga status                                                     whether all is well, and what each sensor sent
  enaga days                                                       what was counted

Captures, with no collector:
  enaga replay darknet.pcap.gz`,
  );

for (const command of await Promise.all(asked().map(load => load()))) {
  inherit(command, program);
  program.addCommand(command);
}
pointToHelp(program, program.name());

/** The command that the command line names, none for the version; --help lists all, and so does an error. */
function asked(): (() => Promise<Command>)[] {
  const [, , first = ''] = process.argv;
  if (first === '--version' || first === '-V') return [];
  return Object.hasOwn(COMMANDS, first) ? [COMMANDS[first]!] : Object.values(COMMANDS);
}

/** Commander copies settings to a command, but not to the commands below it. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
}

/** A list that is empty unless given says no default. */
function optionDescription(this: Help, option: Option): string {
  const isEmpty = Array.isArray(option.defaultValue) && option.defaultValue.length === 0;
  const shown = isEmpty ? Object.create(option, { defaultValue: { value: undefined } }) : option;
  return Help.prototype.optionDescription.call(this, shown);
}

/** An error names the help of its own command. */
function pointToHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(${name} --help says more)`);
  for (const child of command.commands) pointToHelp(child, `${name} ${child.name()}`);
}

// A reader that has seen enough (`| head`) closes the pipe; whoever waits for a write to end still hears of it.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has already printed its message
}
