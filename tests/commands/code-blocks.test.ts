/** Every TypeScript block that a document shows is run as it stands, and its types are checked. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatasetDescriptor, openDataset } from '@verge/data';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frames, type Frame } from './blocks.js';
import { checkTypes } from './check-types.js';
import { codeBlocksIn, documentsOf, shellLanguages, type CodeBlock } from './documents.js';
import { takeBack, tone } from './given.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const blocks = documentsOf(root).flatMap((file) => codeBlocksIn(root, file));
const shown = blocks.filter(({ language }) => language === 'ts');
const perFile = (files: readonly string[]): Record<string, number> =>
  files.reduce<Record<string, number>>((counts, file) => ({ ...counts, [file]: (counts[file] ?? 0) + 1 }), {});

it('every block of TypeScript has its frame, and every frame its block', () => {
  const framed = Object.entries(frames).flatMap(([file, own]) => own.map(() => file));
  expect(perFile(framed)).toEqual(perFile(shown.map(({ file }) => file)));
});

it('blocks of other languages are checked elsewhere', () => {
  const others = blocks.filter(({ language }) => language !== 'ts' && !shellLanguages.includes(language));
  const guides = ['model-on-a-device', 'preprocessing', 'recipe', 'training-config'].map(
    (name) => `docs/guides/${name}.md`,
  );
  // The guides by apps/cli/src/local/guides.test.ts, and that of devices by commands.test.ts; the descriptor below.
  const files = new Set(
    others.map(({ file, language }) => (/json|yaml/.test(language) ? file : `${file}: ${language}`)),
  );
  expect([...files].sort()).toEqual([...guides, 'packages/data/README.md']);
});

// Inside the checkout, so that `@verge/*` is found; git, ESLint and Prettier ignore what lies there.
mkdirSync(join(root, '.verge'), { recursive: true });
const modules = mkdtempSync(join(root, '.verge/code-blocks-'));
afterAll(() => rmSync(modules, { recursive: true, force: true }));

interface Example {
  readonly block: CodeBlock;
  readonly name: string;
  readonly module: string;
  /** Lines before the block. */
  readonly before: number;
}

/** Lines that import what a frame uses. */
function importsOf({ given, then }: Frame): string {
  const uses = (name: string): boolean => new RegExp(`\\b${name}\\.`).test(`${given}${then}`);
  return [
    "import { expect } from 'vitest';",
    ...(uses('given') ? ["import * as given from '../../tests/commands/given.js';"] : []),
    ...(uses('fleet') ? ["import * as fleet from '../../tests/commands/given-fleet.js';"] : []),
  ].join('\n');
}

function write(block: CodeBlock, frame: Frame, index: number): Example {
  const module = join(modules, `${index}.ts`);
  const before = `${importsOf(frame)}\n${frame.given}\n`;
  writeFileSync(module, `${before}${block.text}\n${frame.then}\n`);
  const name = `${block.file}:${block.line}`;
  return { block, name, module, before: before.split('\n').length - 1 };
}

const left = new Map(Object.entries(frames).map(([file, own]) => [file, [...own]]));
const examples = shown.flatMap((block, index) => {
  const frame = left.get(block.file)?.shift();
  return frame ? [write(block, frame, index)] : [];
});

describe('in a folder with the data sets', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'verge-block-'));
    symlinkSync(join(root, 'datasets'), join(folder, 'datasets'));
    process.chdir(folder);
  });
  afterEach(async () => {
    await takeBack();
    process.chdir(root);
    rmSync(folder, { recursive: true, force: true });
  });

  // The longest trains for 95 epochs in the full tests.
  it.each(examples)('$name runs, and gives what it says', { timeout: 180_000 }, async ({ module }) => {
    await import(/* @vite-ignore */ module);
  });

  it('the dataset.json that is shown describes recordings', async () => {
    const text = blocks.find(({ file, language }) => file === 'packages/data/README.md' && language === 'json')!.text;
    const { name } = DatasetDescriptor.parse(JSON.parse(text));
    mkdirSync('recordings');
    for (const file of ['3_jackson_0', '3_jackson_5', '7_theo_9'])
      writeFileSync(`recordings/${file}.wav`, tone(100 * Number(file[0])));
    writeFileSync('dataset.json', text);
    const { labels, parts, shape, name: opened } = await openDataset('.');
    expect({ labels, parts, shape, opened }).toEqual({
      labels: ['3', '7'],
      parts: ['test', 'train', 'train'],
      shape: [1, 51, 40],
      opened: name,
    });
  });
});

// Reading all the sources that the blocks use takes as long as running them: only in the full tests.
it.runIf(process.env['VERGE_TEST_FULL'])(
  `types of ${examples.length} blocks are right, and what they import or are given they use`,
  () => {
    const files = examples.map(({ module }) => module);
    const errors = checkTypes(root, files).flatMap(({ file, line, message, unusedResult }) => {
      const { block, before } = examples.find(({ module }) => module === file)!;
      const at = line - before;
      const within = at >= 1 && at <= block.text.split('\n').length;
      // A block may show a result that it does not read.
      if (within && unusedResult) return [];
      return [`${block.file}:${within ? block.line + at - 1 : `${block.line} (its frame)`}: ${message}`];
    });
    expect(errors).toEqual([]);
  },
);
