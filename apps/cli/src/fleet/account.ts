/** `verge login`, `logout`, `whoami`, `use`, `projects`, `tokens`. */
import { Option, type Command } from 'commander';
import { createClient, roles, type Role } from '@verge/contracts';
import { connect, number } from '../command.js';
import { readCredentials, writeCredentials } from '../credentials.js';
import { CliError } from '../errors.js';
import { createOutput, fields, table } from '../output.js';
import { askHidden } from '../prompt.js';
import { everyItem } from './pages.js';
import { linesOfInput } from './passwords.js';
import { projectDeletionCommands } from './project-deletion.js';

interface LoginOptions {
  url?: string;
  email: string;
  passwordStdin?: boolean;
  json?: boolean;
}

async function login(options: LoginOptions, command: Command): Promise<void> {
  const { url, json } = command.optsWithGlobals<LoginOptions>();
  const stored = await readCredentials();
  const baseUrl = (url ?? process.env['VERGE_URL'] ?? stored.url)?.replace(/\/$/, '');
  if (!baseUrl) throw new CliError('usage', '--url: expected the address of the control plane');
  const password = options.passwordStdin
    ? (await linesOfInput())[0]
    : process.env['VERGE_PASSWORD'] || (await askHidden(`password of ${options.email}: `));
  if (!password)
    throw new CliError('usage', 'no password', [
      'type it at a terminal, pipe it in with --password-stdin, or set VERGE_PASSWORD',
    ]);
  const session = await createClient({ baseUrl }).call('auth.login', { body: { email: options.email, password } });
  const only = session.user.memberships.length === 1 ? session.user.memberships[0]?.project : undefined;
  const project = only ?? (stored.url === baseUrl ? stored.project : undefined);
  await writeCredentials({ url: baseUrl, token: session.token, ...(project ? { project } : {}) });
  createOutput(json === true).result(
    { url: baseUrl, user: session.user, expiresAt: session.expiresAt },
    `logged in to ${baseUrl} as ${session.user.email}${project ? `, project ${project}` : ''}`,
  );
}

export function accountCommands(program: Command): void {
  program
    .command('login')
    .description('log in and remember the control plane')
    .requiredOption('--email <email>')
    .option(
      '--password-stdin',
      'read the password from standard input (otherwise VERGE_PASSWORD, or a question at the terminal)',
    )
    .action(login);
  program
    .command('logout')
    .description('end the session and forget it')
    .action(async (_options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      await client.call('auth.logout', {}).catch(() => undefined);
      const { url, project } = await readCredentials();
      await writeCredentials({ ...(url ? { url } : {}), ...(project ? { project } : {}) });
      output.result({ loggedOut: true }, 'logged out');
    });
  program
    .command('whoami')
    .description('who is calling')
    .action(async (_options: unknown, command: Command) => {
      const { client, output, project } = await connect(command);
      const user = await client.call('auth.me', {});
      const memberships = user.memberships.map((m) => `${m.project} (${m.role})`).join(', ');
      output.result(
        { ...user, project: project ?? null },
        fields([
          ['user', `${user.name} <${user.email}>`],
          ['server', client.baseUrl],
          ['project', project],
          ['memberships', memberships],
        ]),
      );
    });
  program
    .command('use <project>')
    .description('choose the project for the commands that follow')
    .action(async (slug: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const project = await client.call('projects.get', { params: { project: slug } });
      await writeCredentials({ ...(await readCredentials()), project: project.slug });
      output.result(project, `using ${project.slug} (${project.name})`);
    });
  projectCommands(program);
  tokenCommands(program);
}

function projectCommands(program: Command): void {
  const projects = program.command('projects').description('projects');
  projects
    .command('list')
    .description('projects that you belong to')
    .action(async (_options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const items = await everyItem((page) => client.call('projects.list', { query: page }));
      output.result(items, () =>
        table(
          ['project', 'name', 'role', 'created'],
          items.map((p) => [p.slug, p.name, p.role, p.createdAt]),
        ),
      );
    });
  projects
    .command('create <slug>')
    .description('make a project')
    .option('--name <name>')
    .action(async (slug: string, options: { name?: string }, command: Command) => {
      const { client, output } = await connect(command);
      const project = await client.call('projects.create', { body: { slug, name: options.name ?? slug } });
      output.result(project, `created project ${project.slug}`);
    });
  projectDeletionCommands(projects);
}

interface TokenOptions {
  role: Role;
  days?: number;
  allProjects?: boolean;
  managesUsers?: boolean;
}

async function createToken(name: string, options: TokenOptions, command: Command): Promise<void> {
  const { client, output, project } = await connect(command);
  if (!project && !options.allProjects) {
    throw new CliError('usage', 'no project is chosen', ['choose one with --project, or say --all-projects']);
  }
  const body = {
    name,
    project: options.allProjects ? null : (project ?? null),
    role: options.role,
    managesUsers: options.managesUsers === true,
    ...(options.days === undefined ? {} : { expiresInDays: options.days }),
  };
  const token = await client.call('tokens.create', { body });
  output.result(token, token.token);
}

function tokenCommands(program: Command): void {
  const tokens = program.command('tokens').description('API tokens');
  tokens
    .command('list')
    .description('your API tokens')
    .action(async (_options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      const items = await everyItem((page) => client.call('tokens.list', { query: page }));
      output.result(items, () =>
        table(
          ['id', 'name', 'project', 'role', 'last used', 'expires'],
          items.map((t) => [t.id, t.name, t.project ?? '(all)', t.role, t.lastUsedAt ?? '-', t.expiresAt ?? 'never']),
        ),
      );
    });
  tokens
    .command('create <name>')
    .description('create an API token for the chosen project; its secret is shown once')
    .addOption(new Option('--role <role>').choices([...roles]).default('operator'))
    .option('--days <n>', 'days until it expires', number('--days', { min: 1, max: 3650, integer: true }))
    .option('--all-projects', 'for every project of yours, not only the chosen one')
    .option('--manages-users', 'may create users and reset passwords; needs --role admin and --all-projects')
    .action(createToken);
  tokens
    .command('revoke <id>')
    .description('end an API token')
    .action(async (token: string, _options: unknown, command: Command) => {
      const { client, output } = await connect(command);
      await client.call('tokens.delete', { params: { token } });
      output.result({ revoked: token }, `revoked ${token}`);
    });
}
