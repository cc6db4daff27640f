/** `verge releases`: keys, signing and publishing. Private keys stay in the operator's folder. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Artifact, ArtifactManifest, manifestTargetPath } from '@verge/contracts';
import {
  createKey,
  initRepository,
  roles,
  type SigningKey,
  type Target,
  updateTargets,
  writeKeyFile,
} from '@verge/trust/publish';
import type { Command } from 'commander';
import { z } from 'zod';
import { collect, number, remote, type Remote } from '../command.js';
import { createOutput, digest, table } from '../output.js';
import { readDocument } from '../documents.js';
import { CliError } from '../errors.js';
import { artifactId } from './names.js';
import { everyItem } from './pages.js';
import { currentRepository, keysOf, passphrase, readFolder, unpublished, writeFolder } from './release-folder.js';
import { publishMetadata, renew, rotate, status, withdraw } from './release-upkeep.js';

async function init(
  options: { keys: string; rootKeys: number; rootThreshold: number },
  command: Command,
): Promise<void> {
  const output = createOutput(command.optsWithGlobals<{ json?: boolean }>().json === true);
  if (options.rootThreshold > options.rootKeys)
    throw new CliError('usage', `--root-threshold: expected at most ${options.rootKeys}, the number of root keys`);
  const folder = join(options.keys, 'metadata');
  if ((await readFolder(folder)).size > 0)
    throw new CliError('usage', `'${options.keys}' holds a release repository already`);
  await mkdir(options.keys, { recursive: true, mode: 0o700 });
  const keys = { root: [] as SigningKey[], targets: [createKey()], snapshot: [createKey()], timestamp: [createKey()] };
  for (let i = 0; i < options.rootKeys; i++) keys.root.push(createKey());
  for (const role of roles) {
    for (const [i, key] of keys[role].entries())
      await writeKeyFile(
        join(options.keys, `${role}${keys[role].length > 1 ? `-${i + 1}` : ''}.key.json`),
        key,
        passphrase(),
      );
  }
  // The timestamp is renewed by people here, so it lives as long as people take between releases.
  const files = initRepository({
    keys,
    thresholds: { root: options.rootThreshold },
    lifetimes: { timestamp: 30 },
  });
  await writeFolder(folder, files);
  output.result(
    { keys: options.keys, files: [...files.keys()] },
    `made ${roles.length - 1 + options.rootKeys} keys and a release repository in ${options.keys}; keep the folder offline`,
  );
}

/** What is signed is looked at first: the manifest itself is fetched, and its digest computed here. */
async function targetOf(here: Remote, given: string): Promise<{ artifact: Artifact; target: Target }> {
  const { client, params } = here;
  const id = await artifactId(here, given);
  const artifact = await client.call('artifacts.get', { params: { ...params, artifact: id } });
  const response = await client.open('blobs.get', { params: { ...params, digest: artifact.manifestDigest } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (`sha256:${sha256}` !== artifact.manifestDigest)
    throw new CliError('failed', `artifact ${id}: the manifest that came is not the one that was named`);
  const manifest = ArtifactManifest.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (!artifact.offered)
    throw new CliError('failed', `artifact ${id} is not offered: ${artifact.report.reasons.join('; ')}`);
  const { model, version, deviceClass } = manifest;
  const path = manifestTargetPath({ model, version, deviceClass, digest: artifact.manifestDigest });
  return { artifact, target: { path, length: bytes.length, sha256, custom: { model, version, deviceClass } } };
}

async function sign(
  connection: Remote,
  options: { keys: string; out: string; artifact: string[]; timestampDays: number },
): Promise<void> {
  const { output } = connection;
  const { files: previous, trustedRoot: root } = await currentRepository(connection, options.keys);
  const chosen = [];
  for (const id of options.artifact) chosen.push(await targetOf(connection, id));
  const keys = (await keysOf(options.keys)).map(({ key }) => key);
  const add = chosen.map((c) => c.target);
  const files = updateTargets({
    previous,
    trustedRoot: root,
    keys,
    add,
    lifetimes: { timestamp: options.timestampDays },
  });
  const roots = [...previous].filter(([name]) => name.endsWith('.root.json'));
  const staged = new Map([...roots, ...files]);
  await writeFolder(options.out, staged);
  await writeFile(
    join(options.out, 'release.json'),
    JSON.stringify({ artifacts: chosen.map((c) => c.artifact.id) }, null, 2) + '\n',
  );
  await writeFolder(join(options.keys, 'metadata'), new Map([...previous, ...files]));
  output.result({ out: options.out, files: [...staged.keys()], targets: add }, () =>
    [
      `signed ${add.length} targets into ${options.out}`,
      table(
        ['target', '>bytes', 'sha256'],
        add.map((t) => [t.path, String(t.length), t.sha256.slice(0, 12)]),
      ),
    ].join('\n'),
  );
}

async function publish(connection: Remote, folder: string, options: { name?: string; notes?: string }): Promise<void> {
  const { client, params, output } = connection;
  const { artifacts } = await readDocument(
    join(folder, 'release.json'),
    z.object({ artifacts: z.array(z.string()) }),
    'signed release',
  );
  if (artifacts.length === 0) return publishMetadata(connection, folder);
  if (options.name === undefined) throw new CliError('usage', '--name: expected a name for the release');
  const metadata = unpublished(await readFolder(folder), new Map());
  const release = await client.call('releases.create', {
    params,
    body: { name: options.name, notes: options.notes ?? '', artifacts, metadata },
  });
  output.result(
    release,
    `published ${release.name}: ${release.artifacts.length} artifacts, targets version ${release.targetsVersion}`,
  );
}

const timestampDays = [
  '--timestamp-days <n>',
  'days until devices refuse the metadata as too old',
  number('--timestamp-days', { min: 1, max: 365 }),
  30,
] as const;
const outOption = ['--out <dir>', 'write it there instead of publishing it'] as const;

function upkeepCommands(releases: Command): void {
  releases
    .command('status')
    .description(
      'the release repository: expiry and keys of each role, what is listed, what was withdrawn and who runs it',
    )
    .option('--keys <dir>', 'also say which keys this folder holds, and what it has signed that is not published')
    .action(remote(status));
  releases
    .command('renew')
    .description('sign the timestamp anew, and every other role that is near its expiry')
    .requiredOption('--keys <dir>')
    .option('--all', 'every role whose keys are at hand')
    .option(...timestampDays)
    .option(...outOption)
    .action(remote(renew));
  releases
    .command('rotate')
    .description('replace the keys of roles by fresh ones, signed by the old root keys and the new')
    .requiredOption('--keys <dir>')
    .option('--role <role>', 'root, targets, snapshot or timestamp; may be repeated (default: root)', collect)
    .option('--root-keys <n>', 'number of root keys', number('--root-keys', { min: 1, max: 16, integer: true }))
    .option(
      '--root-threshold <n>',
      'root keys that must sign',
      number('--root-threshold', { min: 1, max: 16, integer: true }),
    )
    .option(...outOption)
    .action(remote(rotate));
  releases
    .command('withdraw <name...>')
    .description('take artifacts back (by artifact id, release or target path): devices refuse them from now on')
    .requiredOption('--keys <dir>')
    .requiredOption('--reason <text>', 'why; it is signed, and shown wherever the artifact is')
    .option(...timestampDays)
    .option(...outOption)
    .action(remote(withdraw));
}

export function releaseCommands(program: Command): void {
  const releases = program.command('releases').description('releases, signed offline');
  releases
    .command('init')
    .description('make offline keys and an empty release repository (VERGE_KEY_PASSPHRASE encrypts the keys)')
    .requiredOption('--keys <dir>')
    .option('--root-keys <n>', 'number of root keys', number('--root-keys', { min: 1, max: 16, integer: true }), 1)
    .option(
      '--root-threshold <n>',
      'root keys that must sign',
      number('--root-threshold', { min: 1, max: 16, integer: true }),
      1,
    )
    .action(init);
  releases
    .command('sign')
    .description('sign artifacts with the keys of a folder')
    .requiredOption('--keys <dir>')
    .requiredOption('--out <dir>', 'where the signed metadata goes')
    .requiredOption('--artifact <artifact>', 'an id, or model@number/class; may be repeated', collect)
    .option(...timestampDays)
    .action(remote(sign));
  releases
    .command('publish <dir>')
    .description('send signed metadata to the control plane')
    .option('--name <name>', 'of the release; not needed for metadata that was renewed, rotated or withdrawn from')
    .option('--notes <text>')
    .action(remote(publish));
  upkeepCommands(releases);
  releases
    .command('list')
    .description('published releases')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('releases.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['name', 'id', '>targets', 'artifacts', 'created'],
            items.map((r) => [
              r.name,
              r.id,
              String(r.targetsVersion),
              r.artifacts.map((a) => `${a.model}@${a.version}/${a.deviceClass} ${digest(a.manifestDigest)}`).join(', '),
              r.createdAt,
            ]),
          ),
        );
      }),
    );
}
