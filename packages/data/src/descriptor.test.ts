import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkPreprocess, DatasetDescriptor } from './index.js';

describe('dataset.json', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

  it('is valid as the README shows it, its pipeline too', () => {
    const example = /^```json\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';
    const { preprocess } = DatasetDescriptor.parse(JSON.parse(example));
    expect(preprocess).toBeDefined();
    if (preprocess) checkPreprocess(preprocess);
  });

  it('has no field that the README does not name', () => {
    const fields = Object.keys(DatasetDescriptor.shape);
    expect(fields.filter((field) => !new RegExp(`[\`"]${field}[\`"]`).test(readme))).toEqual([]);
  });
});
