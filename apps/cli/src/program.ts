/** The command line as a whole. */
import { Command, CommanderError } from 'commander';
import { completionCommand } from './completion.js';
import { CliError, cliError, exitCodes } from './errors.js';
import { accountCommands } from './fleet/account.js';
import { auditCommands } from './fleet/audit.js';
import { blobCommands } from './fleet/blobs.js';
import { catalogCommands } from './fleet/catalog.js';
import { deletingCommands } from './fleet/deleting.js';
import { deviceCommands } from './fleet/devices.js';
import { memberCommands } from './fleet/members.js';
import { observeCommands } from './fleet/observe.js';
import { quarantineCommands } from './fleet/quarantine.js';
import { releaseCommands } from './fleet/releases.js';
import { rolloutCommands } from './fleet/rollouts.js';
import { sessionCommands } from './fleet/sessions.js';
import { workerCommands } from './fleet/workers.js';
import { userCommands } from './fleet/users.js';
import { workCommands } from './fleet/work.js';
import { localCommands } from './local/commands.js';
import { createOutput } from './output.js';
import { printableText } from './printable.js';
import { version } from './version.js';

export function createProgram(): Command {
  const program = new Command('verge')
    .description('train, compress, evaluate and inspect models here; manage a fleet through a control plane')
    .option('--json', 'one JSON document on stdout, for scripts')
    .option('--url <url>', 'control plane (or VERGE_URL, or what login stored)')
    .option('--token <token>', 'API token (or VERGE_TOKEN, or what login stored)')
    .option('--project <slug>', 'project (or VERGE_PROJECT, or what use stored)')
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `\n'verge --version' says which version this is, 'verge completion bash' completes verbs and options.\n\nExit codes: 0 done, ${exitCodes.failed} the operation failed, ${exitCodes.usage} bad input, ${exitCodes.denied} not allowed, ${exitCodes.missing} not found, ${exitCodes.unreachable} control plane unreachable, ${exitCodes.interrupted} interrupted.`,
    );
  localCommands(program);
  accountCommands(program);
  sessionCommands(program);
  userCommands(program);
  memberCommands(program);
  catalogCommands(program);
  blobCommands(program);
  workCommands(program);
  releaseCommands(program);
  deviceCommands(program);
  rolloutCommands(program);
  workerCommands(program);
  observeCommands(program);
  quarantineCommands(program);
  auditCommands(program);
  deletingCommands(program);
  completionCommand(program);
  // --json and the like may stand after the verb, where people write them.
  const reach = (command: Command): void => {
    for (const child of command.commands) {
      child.exitOverride().showSuggestionAfterError();
      if (child.commands.length === 0) child.option('--json', 'one JSON document on stdout');
      reach(child);
    }
  };
  reach(program);
  return program;
}

/** `error: unknown option '--x'\n(Did you mean …?)` as message and details. */
function misused(error: CommanderError): CliError {
  const [message = '', ...details] = error.message.replace(/^error: /, '').split('\n');
  return new CliError('usage', error.code === 'commander.help' ? 'expected a command' : message, details);
}

/** Runs one command line. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  // Not an option of the program: verbs have a --version of their own, and options of the program may stand behind verbs.
  if (argv[0] === '--version' || argv[0] === '-V') {
    createOutput(argv.includes('--json')).result({ version }, version);
    return 0;
  }
  try {
    await createProgram().parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = error instanceof CommanderError ? misused(error) : cliError(error);
    const { code, reason, message, details } = failure;
    if (argv.includes('--json') && !failure.answered)
      createOutput(true).result({ error: { code, reason, message, details } }, '');
    // Commander has said on stderr what is wrong with the command line.
    if (error instanceof CommanderError) return exitCodes[code];
    const lines = ['verge: ' + failure.message, ...failure.details.map((d) => '  ' + d)];
    process.stderr.write(printableText(lines.join('\n')) + '\n');
    if (process.env['VERGE_DEBUG'] && failure.cause) console.error(failure.cause);
    return exitCodes[failure.code];
  }
}
