/**
 * What people type for a thing: its identifier, the beginning or the end of it, or its name. Identifiers are UUIDs of version 7:
 * those of one day begin alike, so the end tells them apart sooner.
 */
import { type Artifact, type Device, Id, type Worker } from '@verge/contracts';
import type { Remote } from '../command.js';
import { CliError } from '../errors.js';
import { everyItem } from './pages.js';

/** Fewer would match by chance. */
const SHORTEST = 4;

interface Named {
  readonly id: string;
}

function matches(id: string, given: string): boolean {
  const bare = given.toLowerCase().replaceAll('-', '');
  if (bare.length < SHORTEST || !/^[0-9a-f]+$/.test(bare)) return false;
  const whole = id.replaceAll('-', '');
  return whole.startsWith(bare) || whole.endsWith(bare);
}

/** @throws CliError `missing` for none, `usage` for several, which it names */
function only<T extends Named>(
  noun: string,
  given: string,
  found: readonly T[],
  show: (item: T) => string,
  where = ' in this project',
): T {
  const [first] = found;
  if (!first) throw new CliError('missing', `there is no ${noun} '${given}'${where}`);
  if (found.length === 1) return first;
  const shown = found.slice(0, 10).map(show);
  if (found.length > shown.length) shown.push(`and ${found.length - shown.length} more`);
  throw new CliError('usage', `'${given}' is more than one ${noun}; say which by its identifier`, shown);
}

/** The identifier of a device, by identifier, a part of it, or name. */
export async function deviceId({ client, params }: Remote, given: string): Promise<string> {
  if (Id.safeParse(given).success) return given;
  const all = await everyItem((page) => client.call('devices.list', { params, query: page }));
  const named = all.filter((device) => device.name === given);
  const found = named.length > 0 ? named : all.filter((device) => matches(device.id, given));
  return only('device', given, found, (d: Device) => `${d.id}  ${d.name}  ${d.deviceClass}  ${d.state}`).id;
}

/** The identifier of work, by identifier or a part of it, or by the name it was given. */
async function workId<T extends Named & { name?: string }>(
  noun: string,
  given: string,
  list: (page: { limit: number; cursor?: string }) => Promise<{ items: T[]; nextCursor: string | null }>,
): Promise<string> {
  if (Id.safeParse(given).success) return given;
  const all = await everyItem(list);
  const named = all.filter((item) => item.name === given);
  const found = named.length > 0 ? named : all.filter((item) => matches(item.id, given));
  return only(noun, given, found, (item) => `${item.id}  ${item.name ?? ''}`.trimEnd()).id;
}

export const trainingId = ({ client, params }: Remote, given: string): Promise<string> =>
  workId('training', given, (page) => client.call('trainings.list', { params, query: page }));
export const compressionId = ({ client, params }: Remote, given: string): Promise<string> =>
  workId('compression', given, (page) => client.call('compressions.list', { params, query: page }));
export const evaluationId = ({ client, params }: Remote, given: string): Promise<string> =>
  workId('evaluation', given, (page) => client.call('evaluations.list', { params, query: page }));
export const rolloutId = ({ client, params }: Remote, given: string): Promise<string> =>
  workId('rollout', given, (page) => client.call('rollouts.list', { params, query: page }));

/** The identifier of a worker, by a part of it or by its name: of several of one name, the one that is online. */
export async function workerId(client: Remote['client'], given: string): Promise<string> {
  const all = await everyItem((page) => client.call('workers.list', { query: page }));
  const named = all.filter((worker) => worker.name === given);
  const online = named.filter((worker) => worker.state === 'online');
  const found = named.length > 0 ? (online.length > 0 ? online : named) : all.filter((w) => matches(w.id, given));
  return only('worker', given, found, (w: Worker) => `${w.id}  ${w.name}  ${w.state}`, '').id;
}

/** An artifact by identifier, a part of it, or as `model@version/class`: the newest of them that is offered. */
export async function artifactId(remote: Remote, given: string): Promise<string> {
  if (Id.safeParse(given).success) return given;
  const { client, params, output } = remote;
  const name = /^([^/@]+@[0-9]+)\/([^/@]+)$/.exec(given);
  if (!name) {
    const all = await everyItem((page) => client.call('artifacts.list', { params, query: page }));
    const found = all.filter((artifact) => matches(artifact.id, given));
    return only('artifact', given, found, (a: Artifact) => `${a.id}  ${a.model}@${a.version}/${a.deviceClass}`).id;
  }
  const query = { version: name[1]!, deviceClass: name[2]! };
  const all = await everyItem((page) => client.call('artifacts.list', { params, query: { ...query, ...page } }));
  const offered = all.filter((artifact) => artifact.offered);
  const newest = offered[0];
  if (newest) {
    if (offered.length > 1) output.progress(`${given}: the newest of ${offered.length} is taken, ${newest.id}`);
    return newest.id;
  }
  if (all.length > 0) throw new CliError('failed', `no artifact ${given} is offered`, all[0]?.report.reasons ?? []);
  throw new CliError('missing', `there is no artifact '${given}' in this project`);
}

/** An artifact by identifier, a part of it, or as `model@version/class` where there is one of these alone, offered or not. */
export async function anyArtifactId({ client, params }: Remote, given: string): Promise<string> {
  if (Id.safeParse(given).success) return given;
  const all = await everyItem((page) => client.call('artifacts.list', { params, query: page }));
  const named = all.filter((a) => `${a.model}@${a.version}/${a.deviceClass}` === given);
  const found = named.length > 0 ? named : all.filter((a) => matches(a.id, given));
  return only(
    'artifact',
    given,
    found,
    (a: Artifact) => `${a.id}  ${a.model}@${a.version}/${a.deviceClass}  ${a.recipe}`,
  ).id;
}
