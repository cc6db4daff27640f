/** `verge password`, `verge sessions`: one's own. */
import type { Command } from 'commander';
import { connect } from '../command.js';
import { CliError } from '../errors.js';
import { table } from '../output.js';
import { everyItem } from './pages.js';
import { linesOfInput } from './passwords.js';

async function changePassword(options: { passwordStdin?: boolean }, command: Command): Promise<void> {
  const { client, output } = await connect(command);
  const { VERGE_PASSWORD, VERGE_NEW_PASSWORD } = process.env;
  const [current, password] = options.passwordStdin ? await linesOfInput() : [VERGE_PASSWORD, VERGE_NEW_PASSWORD];
  if (!current || !password) {
    throw new CliError('usage', 'expected the present password and the new one', [
      'pipe them in, a line each, with --password-stdin, or set VERGE_PASSWORD and VERGE_NEW_PASSWORD',
    ]);
  }
  await client.call('auth.changePassword', { body: { current, password } });
  output.result({ changed: true }, 'changed the password; your other sessions have ended');
}

export function sessionCommands(program: Command): void {
  program
    .command('password')
    .description('change your password; ends your other sessions')
    .option('--password-stdin', 'read two lines: the present password and the new one')
    .action(changePassword);
  const sessions = program.command('sessions').description('where you are logged in');
  sessions
    .command('list')
    .description('your sessions')
    .action(async (_options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const items = await everyItem((page) => client.call('sessions.list', { query: page }));
      output.result(items, () =>
        table(
          ['id', 'from', 'begun', 'expires', 'this one', 'program'],
          items.map((s) => [s.id, s.source, s.createdAt, s.expiresAt, s.current ? 'yes' : '', s.userAgent]),
        ),
      );
    });
  sessions
    .command('end <id>')
    .description('end one of your sessions')
    .action(async (session: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      await client.call('sessions.delete', { params: { session } });
      output.result({ ended: session }, `ended ${session}`);
    });
  sessions
    .command('end-others')
    .description('end all of your sessions but this one')
    .action(async (_options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const { ended } = await client.call('sessions.deleteOthers', {});
      output.result({ ended }, `ended ${ended} sessions`);
    });
}
