/** `verge users`: for administrators. */
import { Option, type Command } from 'commander';
import { roles, type Role, type User } from '@verge/contracts';
import { collect, connect } from '../command.js';
import { CliError } from '../errors.js';
import { fields, table } from '../output.js';
import { everyItem } from './pages.js';
import { newPassword, newPasswordHelp } from './passwords.js';

const stateOf = (user: User): string => (user.disabledAt ? 'disabled' : 'enabled');
const membershipsOf = (user: User): string => user.memberships.map((m) => `${m.project} (${m.role})`).join(', ');

const userFields = (user: User): string =>
  fields([
    ['user', `${user.name} <${user.email}>`],
    ['id', user.id],
    ['state', stateOf(user)],
    ['administrator', user.administrator ? 'yes' : 'no'],
    ['memberships', membershipsOf(user)],
    ['created', user.createdAt],
  ]);

/** 'plant:operator' */
function membership(text: string): { project: string; role: Role } {
  const [project = '', role = ''] = text.split(':');
  const known = roles.find((r) => r === role);
  if (project && known) return { project, role: known };
  throw new CliError('usage', `--member: expected PROJECT:ROLE with a role of ${roles.join(', ')}, got '${text}'`);
}

export function userCommands(program: Command): void {
  const users = program.command('users').description('users, for administrators');
  readingCommands(users);
  changingCommands(users);
  credentialCommands(users);
}

function readingCommands(users: Command): void {
  users
    .command('list')
    .description('all users')
    .action(async (_options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const items = await everyItem((page) => client.call('users.list', { query: page }));
      output.result(items, () =>
        table(
          ['email', 'name', 'state', 'administrator', 'memberships'],
          items.map((u) => [u.email, u.name, stateOf(u), u.administrator ? 'yes' : 'no', membershipsOf(u)]),
        ),
      );
    });
  users
    .command('show <user>')
    .description('one user, by id or e-mail address')
    .action(async (user: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const found = await client.call('users.get', { params: { user } });
      output.result(found, () => userFields(found));
    });
}

interface CreateOptions {
  name?: string;
  administrator?: boolean;
  member?: string[];
  passwordStdin?: boolean;
}
interface UpdateOptions {
  name?: string;
  administrator?: 'yes' | 'no';
}

function changingCommands(users: Command): void {
  users
    .command('create <email>')
    .description('make a user')
    .option('--name <name>', 'the e-mail address when absent')
    .option('--administrator', 'may create projects and manage users')
    .option('--member <project:role>', 'take it into a project that you administer; may be repeated', collect)
    .option('--password-stdin', newPasswordHelp)
    .action(async (email: string, options: CreateOptions, command: Command) => {
      const { client, output } = await connect(command);
      const body = {
        email,
        name: options.name ?? email,
        password: await newPassword(options.passwordStdin),
        administrator: options.administrator === true,
        memberships: (options.member ?? []).map(membership),
      };
      const made = await client.call('users.create', { body });
      output.result(made, `created user ${made.email}`);
    });
  users
    .command('update <user>')
    .description('change its name, or whether it is an administrator')
    .option('--name <name>')
    .addOption(new Option('--administrator <yes|no>').choices(['yes', 'no']))
    .action(async (user: string, options: UpdateOptions, command: Command) => {
      const { client, output } = await connect(command);
      const body = {
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.administrator === undefined ? {} : { administrator: options.administrator === 'yes' }),
      };
      if (Object.keys(body).length === 0) throw new CliError('usage', 'expected --name or --administrator');
      const changed = await client.call('users.update', { params: { user }, body });
      output.result(changed, () => userFields(changed));
    });
  for (const verb of ['disable', 'enable'] as const) {
    users
      .command(`${verb} <user>`)
      .description(verb === 'disable' ? 'end its sessions and let nothing of it in' : 'let a disabled user in again')
      .action(async (user: string, _options: unknown, command: Command) => {
        const { client, output } = await connect(command);
        const changed = await client.call(`users.${verb}`, { params: { user } });
        output.result(changed, `${changed.email} is ${stateOf(changed)}`);
      });
  }
  users
    .command('delete <user>')
    .description('delete it; refused while it has API tokens or is the last admin of a project')
    .action(async (user: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      await client.call('users.delete', { params: { user } });
      output.result({ deleted: user }, `deleted user ${user}`);
    });
}

interface ResetOptions {
  revokeTokens?: boolean;
  passwordStdin?: boolean;
}

function credentialCommands(users: Command): void {
  users
    .command('reset-password <user>')
    .description('set its password and end its sessions')
    .option('--revoke-tokens', 'revoke its API tokens too')
    .option('--password-stdin', newPasswordHelp)
    .action(async (user: string, options: ResetOptions, command: Command) => {
      const { client, output } = await connect(command);
      const password = await newPassword(options.passwordStdin);
      const body = { password, revokeTokens: options.revokeTokens === true };
      const ended = await client.call('users.resetPassword', { params: { user }, body });
      output.result(
        ended,
        `set the password of ${user}; ended ${ended.sessionsEnded} sessions, revoked ${ended.tokensRevoked} tokens`,
      );
    });
  users
    .command('end-sessions <user>')
    .description('end all of its sessions')
    .action(async (user: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const { ended } = await client.call('users.endSessions', { params: { user } });
      output.result({ ended }, `ended ${ended} sessions of ${user}`);
    });
  users
    .command('tokens <user>')
    .description('its API tokens')
    .action(async (user: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const items = await everyItem((page) => client.call('users.tokens', { params: { user }, query: page }));
      output.result(items, () =>
        table(
          ['id', 'name', 'project', 'role', 'last used', 'expires'],
          items.map((t) => [t.id, t.name, t.project ?? '(all)', t.role, t.lastUsedAt ?? '-', t.expiresAt ?? 'never']),
        ),
      );
    });
  users
    .command('revoke-token <user> <token>')
    .description('end one of its API tokens and those that it made')
    .action(async (user: string, token: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      await client.call('users.revokeToken', { params: { user, token } });
      output.result({ revoked: token }, `revoked ${token}`);
    });
}
