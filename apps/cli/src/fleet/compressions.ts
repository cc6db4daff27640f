/** `verge compressions`: versions made ready for device classes, by a recipe or by a search within a budget. */
import { writeFile } from 'node:fs/promises';
import { type Compression, type DeviceClass, Recipe, type SearchReport } from '@verge/contracts';
import type { Command } from 'commander';
import { number, remote, type Remote } from '../command.js';
import { readDocument } from '../documents.js';
import { CliError } from '../errors.js';
import { fields, milliseconds, size, table } from '../output.js';
import { comparedQuality, fidelityHeadings, fidelityRows } from '../quality.js';
import { budgetOf, searchBudgetOptions, type SearchOptions, searchOptionsIn } from '../search-budget.js';
import { searchText } from '../search-figures.js';
import { describeProgress, follow } from './follow.js';
import { compressionId } from './names.js';
import { everyItem } from './pages.js';

interface CompressOptions extends SearchOptions {
  version: string;
  recipe?: string;
  class?: string;
  target?: string[];
  dataset?: string;
  arch?: 'x64' | 'arm64';
  threads: number;
  int8Activation?: 'uint8' | 'int8';
  vnni: boolean;
  wait?: boolean;
}

/** A recipe that is a file is stored under its name first; the same name with other passes is refused. */
async function recipeName({ client, params }: Remote, given: string): Promise<string> {
  if (!/[./\\]/.test(given)) return given;
  const recipe = await readDocument(given, Recipe, 'recipe');
  const there = await client.call('recipes.get', { params: { ...params, recipe: recipe.name } }).catch(() => undefined);
  if (!there) return (await client.call('recipes.create', { params, body: recipe })).name;
  if (JSON.stringify(Recipe.parse(there.recipe)) !== JSON.stringify(recipe)) {
    throw new CliError('usage', `the project has another recipe called '${recipe.name}'`, [
      'recipes are immutable: give this one another name',
    ]);
  }
  return there.name;
}

/** By what a compression goes: the recipe's name, or that it searches. */
export const howOf = ({ recipe }: Compression): string => recipe?.name ?? 'search';

function verdictOf({ report, search, state }: Compression): string {
  if (report) return report.offered ? 'yes' : `no: ${report.reasons.join('; ')}`;
  return search && state === 'succeeded' ? 'no: no variant keeps to the budget' : '-';
}

/** A search that is at work: how much it tried, and the ends of its front. */
function searchedSoFar({ progress }: Compression): string | null {
  const search = progress?.search;
  if (!search) return null;
  const [smallest, nearest] = [search.front[0], search.front.toSorted((a, b) => a.points - b.points)[0]];
  const ends = [...new Set([smallest, nearest])].flatMap((v) =>
    v ? [`${v.id}: ${size(v.bytes)} at ${v.points.toFixed(2)} points`] : [],
  );
  return `${search.tried} tried, ${search.front.length} on the front${ends.length > 0 ? `; ${ends.join('; ')}` : ''}`;
}

const showCompression = (c: Compression): string =>
  [
    fields([
      ['compression', c.id],
      ['version', `${c.model}@${c.version}`],
      c.recipe ? ['recipe', c.recipe.name] : ['search', searchedSoFar(c) ?? '-'],
      ['class', c.target.name],
      ['state', describeProgress(c)],
      ...(c.search && c.report ? [['best', c.report.recipe] as const] : []),
      ['artifact', c.artifactId],
      ['offered', verdictOf(c)],
      ['error', c.error],
    ]),
    c.report
      ? table(
          ['', '>before', '>after'],
          [
            ['size', size(c.report.before.bytes), size(c.report.after.bytes)],
            ...comparedQuality(c.report),
            ['p50', milliseconds(c.report.before.p50Ms), milliseconds(c.report.after.p50Ms)],
            ['peak memory', size(c.report.before.peakRssBytes), size(c.report.after.peakRssBytes)],
          ],
        )
      : '',
    c.report?.after.fidelity ? `\n${table(fidelityHeadings, fidelityRows(c.report.after.fidelity))}` : '',
  ].join('\n');

/** A class for each target that is named, and else the one that is described. */
async function classesOf(options: CompressOptions): Promise<DeviceClass[]> {
  const { target: names = [], threads } = options;
  if (options.class !== undefined && names.length > 1)
    throw new CliError('usage', '--class: several targets have a class each, called as they are');
  if (options.class === undefined && names.length === 0)
    throw new CliError('usage', 'for which device class? name it with --class, or a kind of hardware with --target');
  const { targetNamed } = await import('@verge/compression');
  return (names.length > 0 ? names : [undefined]).map((name) => {
    const known = name === undefined ? undefined : targetNamed(name).device;
    const arch = options.arch ?? known?.arch ?? 'x64';
    const usual = arch === 'arm64' ? ('int8' as const) : ('uint8' as const);
    return {
      name: options.class ?? name!,
      ...{ arch, threads, int8Activation: options.int8Activation ?? known?.int8Activation ?? usual },
      vnni: options.vnni && (known?.vnni ?? true),
    };
  });
}

/** What carries it out: a stored recipe, or a search where none is named. */
async function wayOf(remote: Remote, options: CompressOptions) {
  const searches = searchOptionsIn(options);
  if (options.recipe === undefined)
    return { search: { budget: budgetOf(options), ...(options.seed !== undefined && { seed: options.seed }) } };
  if (searches.length > 0)
    throw new CliError('usage', 'a recipe has a budget of its own', [
      `${searches.join(', ')}: for a search, without --recipe`,
    ]);
  return { recipe: await recipeName(remote, options.recipe) };
}

async function createCompression(remote: Remote, options: CompressOptions): Promise<void> {
  const { client, params, output } = remote;
  const classes = await classesOf(options);
  const way = await wayOf(remote, options);
  const common = { version: options.version, ...way, ...(options.dataset ? { dataset: options.dataset } : {}) };
  const made: Compression[] = [];
  for (const target of classes)
    made.push(await client.call('compressions.create', { params, body: { ...common, target } }));
  const get = (compression: string): Promise<Compression> =>
    client.call('compressions.get', { params: { ...params, compression } });
  if (options.wait) for (const [i, one] of made.entries()) made[i] = await follow('compression', one, get, output);
  const [first, ...others] = made as [Compression, ...Compression[]];
  output.result(others.length > 0 ? made : first, () => made.map(showCompression).join('\n\n'));
}

function createCommand(compressions: Command): void {
  const command = compressions
    .command('create')
    .description('queue a compression of a version for a device class: by a recipe, or by a search within a budget')
    .requiredOption('--version <version>', 'an id, or model@number')
    .option('--recipe <recipe>', 'a file, or the name of a stored recipe; variants are searched when absent')
    .option('--class <name>', "device class; the target's name when absent")
    .option('--target <name...>', 'kinds of hardware, as `verge targets` lists them: a compression for each')
    .option('--dataset <name>', 'the one the version was trained on when absent')
    .option('--arch <arch>', "x64 or arm64; the target's, else x64, when absent")
    .option(
      '--threads <n>',
      'intra-op threads on the device',
      number('--threads', { min: 1, max: 256, integer: true }),
      1,
    )
    .option('--int8-activation <type>', 'uint8 or int8; by target or architecture when absent')
    .option('--no-vnni', 'the class has no VNNI: leave no weights whose products could overflow 16 bits');
  searchBudgetOptions(command, 'the worker')
    .option('--wait', 'until it ends; progress on stderr')
    .action(remote(createCompression));
}

/** The commands that read one. */
function readingCommands(compressions: Command): void {
  compressions
    .command('show <compression>')
    .description('one compression: figures before and after')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const compression = await compressionId(here, given);
        const c = await client.call('compressions.get', { params: { ...params, compression } });
        output.result(c, () => showCompression(c));
      }),
    );
  compressions
    .command('search <compression>')
    .description('what its search tried: the front, the best, and why not the others')
    .option('--html <file>', 'write it as a page, too')
    .action(
      remote(async (here, given: string, { html }: { html?: string }) => {
        const { client, params, output } = here;
        const compression = await compressionId(here, given);
        const { report } = await client.call('compressions.search', { params: { ...params, compression } });
        if (report && html !== undefined) await writePage(report, html);
        output.result(report, () =>
          report
            ? searchText(report, html === undefined ? [] : [['written', html]])
            : 'there is none: it follows a recipe, or has not succeeded',
        );
      }),
    );
}

async function writePage(report: SearchReport, file: string): Promise<void> {
  const { searchHtml } = await import('../local/search-html.js');
  await writeFile(file, searchHtml(report, report.target.name));
}

export function compressionCommands(program: Command): void {
  const compressions = program.command('compressions').description('compressions for device classes');
  createCommand(compressions);
  compressions
    .command('list')
    .description('compressions, newest first')
    .action(
      remote(async ({ client, params, output }) => {
        const items = await everyItem((page) => client.call('compressions.list', { params, query: page }));
        output.result(items, () =>
          table(
            ['id', 'version', 'recipe', 'class', 'state', 'offered'],
            items.map((c) => [
              c.id,
              `${c.model}@${c.version}`,
              howOf(c),
              c.target.name,
              describeProgress(c),
              verdictOf(c).replace(/:.*/, ''),
            ]),
          ),
        );
      }),
    );
  readingCommands(compressions);
  compressions
    .command('watch <compression>')
    .description('follow it to its end')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const compression = await compressionId(here, given);
        const get = (id: string): Promise<Compression> =>
          client.call('compressions.get', { params: { ...params, compression: id } });
        const ended = await follow('compression', await get(compression), get, output);
        output.result(ended, () => showCompression(ended));
      }),
    );
  compressions
    .command('cancel <compression>')
    .description('stop a compression')
    .action(
      remote(async (here, given: string) => {
        const { client, params, output } = here;
        const compression = await compressionId(here, given);
        const c = await client.call('compressions.cancel', { params: { ...params, compression } });
        output.result(c, `compression ${c.id} is ${c.state}`);
      }),
    );
}
