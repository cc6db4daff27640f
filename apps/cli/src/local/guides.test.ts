/** What is written about documents is held against their schemas. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { Preprocess, Recipe, TrainingConfig } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { verge } from '../test-command.js';
import { type DocumentName, documentNames, documentSchema } from './schema.js';

const docs = new URL('../../../../docs/', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, docs), 'utf8');

const guides = {
  'training-config': { file: 'guides/training-config.md', schema: TrainingConfig },
  recipe: { file: 'guides/recipe.md', schema: Recipe },
  preprocess: { file: 'guides/preprocessing.md', schema: Preprocess },
} satisfies Record<DocumentName, object>;

/** Names of all fields at any depth. */
function fieldNames(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(fieldNames)];
}

it('the preprocessing in the guide about devices is valid', async () => {
  const [, example] = /^```yaml\n([\s\S]*?)^```$/m.exec(await read('guides/model-on-a-device.md')) ?? [];
  expect(Preprocess.parse(parse(example!)).steps.map(({ op }) => op)).toEqual(['resize', 'center-crop', 'normalize']);
});

describe.each(documentNames)('%s', (name) => {
  it('has its committed JSON Schema (npm run schemas -w @verge/cli)', async () => {
    const committed: unknown = JSON.parse(await read(`schemas/${name}.schema.json`));
    expect(committed).toEqual(documentSchema(name));
    expect((await verge('schema', name)).json()).toEqual(committed);
  });

  it('has a guide whose every example is valid', async () => {
    const text = await read(guides[name].file);
    const examples = [...text.matchAll(/^```(?:yaml|json)\n([\s\S]*?)^```$/gm)].map((m) => m[1] ?? '');
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) guides[name].schema.parse(parse(example));
  });

  it('has a guide that explains every field', async () => {
    const text = await read(guides[name].file);
    const fields = new Set(fieldNames(documentSchema(name)));
    const named = (field: string): RegExp => new RegExp(`[\`.|"]${field}[\`":]|^#+ .*\\b${field}\\b`, 'm');
    const missing = [...fields].filter((field) => !named(field).test(text));
    expect(missing).toEqual([]);
  });
});
