/** `enaga` with what a test of `serve` needs of it, as a program. */
import { Command } from 'commander';
import { initCommand } from '../../collector/commands/init.ts';
import { serveCommand } from '../../collector/commands/serve.ts';

await new Command('enaga').addCommand(initCommand()).addCommand(serveCommand()).parseAsync();
