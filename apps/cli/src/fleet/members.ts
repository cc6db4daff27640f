/** `verge members`: who belongs to the chosen project. */
import { Argument, type Command } from 'commander';
import { roles, type Role } from '@verge/contracts';
import { remote } from '../command.js';
import { table } from '../output.js';
import { everyItem } from './pages.js';

const role = (): Argument => new Argument('<role>').choices([...roles]);

export function memberCommands(program: Command): void {
  const members = program.command('members').description('who belongs to the project');
  members
    .command('list')
    .description('all members of the project')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('members.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['email', 'name', 'role', 'state'],
            items.map((m) => [m.email, m.name, m.role, m.disabled ? 'disabled' : 'enabled']),
          ),
        );
      }),
    );
  members
    .command('add <email>')
    .description('take an existing user into the project')
    .addArgument(role())
    .action(
      remote(async ({ client, params, output, project }, email: string, as: Role) => {
        const member = await client.call('members.add', { params, body: { email, role: as } });
        output.result(member, `${member.email} is ${member.role} of ${project}`);
      }),
    );
  members
    .command('update <user>')
    .description("change a member's role")
    .addArgument(role())
    .action(
      remote(async ({ client, params, output, project }, user: string, as: Role) => {
        const member = await client.call('members.update', { params: { ...params, user }, body: { role: as } });
        output.result(member, `${member.email} is ${member.role} of ${project}`);
      }),
    );
  members
    .command('remove <user>')
    .description("end a membership, and the member's API tokens of the project")
    .action(
      remote(async ({ client, params, output, project }, user: string) => {
        await client.call('members.remove', { params: { ...params, user } });
        output.result({ removed: user }, `removed ${user} from ${project}`);
      }),
    );
}
