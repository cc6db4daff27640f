/** `verge <things> delete`: names what goes, asks, and says what is in the way. */
import type { Command } from 'commander';
import { remote, type Remote } from '../command.js';
import { CliError } from '../errors.js';
import { size } from '../output.js';
import { askYes } from '../prompt.js';
import { howOf } from './compressions.js';
import { anyArtifactId, compressionId, deviceId, evaluationId, rolloutId, trainingId } from './names.js';

interface Doomed {
  readonly id: string;
  /** What goes, in words. */
  readonly line: string;
}

interface Deletable {
  /** The command that gets the verb, and the argument's name. */
  readonly command: string;
  readonly argument: string;
  readonly description: string;
  readonly find: (here: Remote, given: string) => Promise<Doomed>;
  readonly remove: (here: Remote, id: string) => Promise<void>;
}

const files = (count: number): string => `${count} file${count === 1 ? '' : 's'}`;

const deletables: readonly Deletable[] = [
  {
    command: 'datasets',
    argument: 'dataset',
    description: 'delete data sets; refused while trainings, versions, compressions or evaluations refer to them',
    find: async ({ client, params }, dataset) => {
      const d = await client.call('datasets.get', { params: { ...params, dataset } });
      return { id: d.id, line: `data set ${d.name}: ${d.format}, ${files(d.fileCount)}, ${size(d.bytes)}` };
    },
    remove: ({ client, params }, dataset) => client.call('datasets.delete', { params: { ...params, dataset } }),
  },
  {
    command: 'models',
    argument: 'model',
    description: 'delete models that have neither versions nor trainings',
    find: async ({ client, params }, model) => {
      const m = await client.call('models.get', { params: { ...params, model } });
      return { id: m.id, line: `model ${m.name}: ${m.versions} versions` };
    },
    remove: ({ client, params }, model) => client.call('models.delete', { params: { ...params, model } }),
  },
  {
    command: 'versions',
    argument: 'version',
    description: 'delete versions (an id, or model@number); refused while anything was made from them',
    find: async ({ client, params }, version) => {
      const v = await client.call('versions.get', { params: { ...params, version } });
      return { id: v.id, line: `version ${v.model}@${v.version}: ${v.origin}, ${size(v.bytes)}` };
    },
    remove: ({ client, params }, version) => client.call('versions.delete', { params: { ...params, version } }),
  },
  {
    command: 'recipes',
    argument: 'recipe',
    description: 'delete recipes; refused while compressions refer to them',
    find: async ({ client, params }, recipe) => {
      const r = await client.call('recipes.get', { params: { ...params, recipe } });
      return { id: r.id, line: `recipe ${r.name}: ${r.recipe.passes.map((p) => p.pass).join(' > ')}` };
    },
    remove: ({ client, params }, recipe) => client.call('recipes.delete', { params: { ...params, recipe } }),
  },
  {
    command: 'trainings',
    argument: 'training',
    description: 'delete trainings that are over; refused while the versions that they made exist',
    find: async (here, given) => {
      const training = await trainingId(here, given);
      const t = await here.client.call('trainings.get', { params: { ...here.params, training } });
      return { id: t.id, line: `training ${t.name || t.id} of ${t.model} on ${t.dataset}: ${t.state}, its curve` };
    },
    remove: ({ client, params }, training) => client.call('trainings.delete', { params: { ...params, training } }),
  },
  {
    command: 'compressions',
    argument: 'compression',
    description: 'delete compressions that are over; refused while the artifacts that they made exist',
    find: async (here, given) => {
      const compression = await compressionId(here, given);
      const c = await here.client.call('compressions.get', { params: { ...here.params, compression } });
      const of = `${c.model}@${c.version} by ${howOf(c)} for ${c.target.name}`;
      return { id: c.id, line: `compression ${c.id} of ${of}: ${c.state}, its report` };
    },
    remove: ({ client, params }, compression) =>
      client.call('compressions.delete', { params: { ...params, compression } }),
  },
  {
    command: 'evaluations',
    argument: 'evaluation',
    description: 'delete evaluations that are over',
    find: async (here, given) => {
      const evaluation = await evaluationId(here, given);
      const e = await here.client.call('evaluations.get', { params: { ...here.params, evaluation } });
      return {
        id: e.id,
        line: `evaluation ${e.id} of ${e.model}@${e.version} on ${e.dataset}: ${e.state}, its figures`,
      };
    },
    remove: ({ client, params }, evaluation) =>
      client.call('evaluations.delete', { params: { ...params, evaluation } }),
  },
  {
    command: 'artifacts',
    argument: 'artifact',
    description: 'delete artifacts; refused while releases, signed targets, open rollouts or devices use them',
    find: async (here, given) => {
      const artifact = await anyArtifactId(here, given);
      const a = await here.client.call('artifacts.get', { params: { ...here.params, artifact } });
      return { id: a.id, line: `artifact ${a.model}@${a.version}/${a.deviceClass} ${a.id}: ${size(a.bytes)}` };
    },
    remove: ({ client, params }, artifact) => client.call('artifacts.delete', { params: { ...params, artifact } }),
  },
  {
    command: 'releases',
    argument: 'release',
    description: 'delete releases; refused while rollouts, targets that are not withdrawn, or devices use them',
    find: async ({ client, params }, release) => {
      const r = await client.call('releases.get', { params: { ...params, release } });
      const listed = r.artifacts.map((a) => `${a.model}@${a.version}/${a.deviceClass}`).join(', ');
      return { id: r.id, line: `release ${r.name} of ${listed}; the signed metadata stays` };
    },
    remove: ({ client, params }, release) => client.call('releases.delete', { params: { ...params, release } }),
  },
  {
    command: 'rollouts',
    argument: 'rollout',
    description: 'delete the records of rollouts that are over; what devices were told to run stays',
    find: async (here, given) => {
      const rollout = await rolloutId(here, given);
      const r = await here.client.call('rollouts.get', { params: { ...here.params, rollout } });
      return { id: r.id, line: `rollout ${r.name} of ${r.release} to ${r.group}: ${r.state}, its history` };
    },
    remove: ({ client, params }, rollout) => client.call('rollouts.delete', { params: { ...params, rollout } }),
  },
  {
    command: 'groups',
    argument: 'group',
    description: 'delete groups; refused while devices, rollouts or usable enrolment tokens refer to them',
    find: async ({ client, params }, group) => {
      const g = await client.call('groups.get', { params: { ...params, group } });
      return { id: g.id, line: `group ${g.name}, and the sums of its telemetry` };
    },
    remove: ({ client, params }, group) => client.call('groups.delete', { params: { ...params, group } }),
  },
  {
    command: 'devices',
    argument: 'device',
    description: 'delete devices: they are refused at once, and their telemetry goes',
    find: async (here, given) => {
      const device = await deviceId(here, given);
      const d = await here.client.call('devices.get', { params: { ...here.params, device } });
      const state = d.online ? 'online' : d.state;
      return { id: d.id, line: `device ${d.name} ${d.id}: ${state}, with its certificates, history and telemetry` };
    },
    remove: ({ client, params }, device) => client.call('devices.delete', { params: { ...params, device } }),
  },
];

/** Names what goes, and asks. @throws CliError `usage` where nobody can be asked, `interrupted` for a no */
export async function confirmed(lines: readonly string[], yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  const answer = await askYes(
    ['this deletes, for good:', ...lines.map((line) => `  ${line}`), 'delete? [y/N] '].join('\n'),
  );
  if (answer === undefined) throw new CliError('usage', 'nobody can be asked here: say --yes to delete', lines);
  if (!answer) throw new CliError('interrupted', 'nothing was deleted');
}

async function removeAll(here: Remote, { find, remove }: Deletable, given: string[], yes?: boolean): Promise<void> {
  const found: Doomed[] = [];
  // All of them are looked for first: a name that is wrong deletes nothing.
  for (const name of given) found.push(await find(here, name));
  const doomed = [...new Map(found.map((one) => [one.id, one])).values()];
  await confirmed(
    doomed.map(({ line }) => line),
    yes,
  );
  const deleted: Doomed[] = [];
  for (const one of doomed) {
    try {
      await remove(here, one.id);
      deleted.push(one);
    } catch (error) {
      for (const { line } of deleted) here.output.progress(`deleted ${line}`);
      throw error;
    }
  }
  here.output.result({ deleted: deleted.map(({ id }) => id) }, () =>
    deleted.map(({ line }) => `deleted ${line}`).join('\n'),
  );
}

/** Gives each of the commands its verb; those of `program` that list and show are there by now. */
export function deletingCommands(program: Command): void {
  for (const deletable of deletables) {
    const { command, argument, description } = deletable;
    const parent =
      program.commands.find((c) => c.name() === command) ??
      program.command(command).description(`${command} of models`);
    parent
      .command(`delete <${argument}...>`)
      .description(description)
      .option('--yes', 'without asking; needed where nobody can be asked')
      .action(
        remote(async (here, given: string[], options: { yes?: boolean }) => {
          await removeAll(here, deletable, given, options.yes);
        }),
      );
  }
}
