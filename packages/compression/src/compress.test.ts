import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { CompressionReport } from '@verge/contracts';
import { loadDigits, splitSamples, type Part, type Samples } from '@verge/data';
import { assertLegal, decodeModel, encodeModel } from '@verge/onnx';
import { benchmarkModels, createSession } from '@verge/runtime';
import { buildArchitecture, fit } from '@verge/training';
import { compress, type CompressOptions } from './compress.js';

const folder = fileURLToPath(new URL('../../../datasets/digits/', import.meta.url));
const recipe = (name: string): unknown => JSON.parse(readFileSync(`${folder}recipe-${name}.json`, 'utf8'));

/** The quickstart's recipe with half of the filters pruned, and tuned for a shorter time. */
function halved(): unknown {
  const { passes, ...rest } = recipe('pruned-int8') as { passes: [{ fineTune: object }, ...object[]] };
  const [prune, ...others] = passes;
  return { ...rest, passes: [{ ...prune, ratio: 0.5, fineTune: { ...prune.fineTune, epochs: 10 } }, ...others] };
}

let data: Record<Part, Samples>;
let model: Uint8Array;
let options: Omit<CompressOptions, 'recipe'>;

beforeAll(async () => {
  data = splitSamples(await loadDigits(folder));
  const network = buildArchitecture('resnet', { input: [1, 8, 8], classes: 10, params: { channels: [16, 32] } });
  const optimizer = { name: 'adamw' as const, learningRate: 0.005 };
  model = (
    await fit({ model: network, createSession, train: data.train, validation: data.validation, epochs: 6, optimizer })
  ).bytes;
  options = {
    model,
    target: { name: 'x64' },
    data,
    createSession,
    benchmark: (models, o) => benchmarkModels(models, { ...o, runs: 30 }),
  };
});

describe('compress', () => {
  it('folds without changing a prediction', async () => {
    const { model: folded, report } = await compress({ ...options, recipe: recipe('fp32') });
    expect(report.passes.map((p) => p.pass)).toEqual(['fold']);
    expect(report.passes[0]!.changes['batch-norm-into-conv']).toBe(6);
    expect(report.after.accuracy).toBe(report.before.accuracy);
    expect(report.after.bytes).toBe(folded.byteLength);
    expect(report.after.macs).toBe(report.before.macs);
    expect(report.after.samples).toBe(359);
  });

  it('folds before it quantizes, wherever the recipe has that, and says so', async () => {
    const { name, passes } = recipe('int8') as { name: string; passes: { pass: string }[] };
    const swapped = { name, passes: [...passes].reverse() };
    expect(swapped.passes.map((p) => p.pass)).toEqual(['quantize-static', 'fold']);
    const [given, wanted] = [
      await compress({ ...options, recipe: swapped }),
      await compress({ ...options, recipe: recipe('int8') }),
    ];
    expect(Buffer.compare(given.model, wanted.model)).toBe(0);
    expect(given.report.passes.map((p) => [p.pass, p.notes?.length ?? 0])).toEqual([
      ['fold', 1],
      ['quantize-static', 0],
    ]);
  });

  it('quantizes to less than half the bytes and about the same accuracy', async () => {
    const { model: small, report } = await compress({ ...options, recipe: recipe('int8') });
    assertLegal(decodeModel(small));
    expect(report.after.bytes).toBeLessThan(0.5 * report.before.bytes);
    // One point is the recipe's own budget.
    expect(report.before.accuracy! - report.after.accuracy!).toBeLessThanOrEqual(0.01);
    expect(CompressionReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it('prunes, tunes with the source as teacher, folds and quantizes; progress only rises', async () => {
    const fractions: number[] = [];
    const { report } = await compress({
      ...options,
      recipe: halved(),
      onProgress: (p) => fractions.push(p.fraction),
    });
    expect(report.passes.map((p) => p.pass)).toEqual(['prune-filters', 'fold', 'quantize-static']);
    expect(report.after.parameters).toBeLessThan(0.4 * report.before.parameters);
    expect(report.after.macs).toBeLessThan(0.4 * report.before.macs!);
    expect(report.after.accuracy).toBeGreaterThan(0.9);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });

  it('repairs a file that breaks rules, and lists that as a pass', async () => {
    const whole = decodeModel(model);
    const shuffled = { ...whole, graph: { ...whole.graph, nodes: whole.graph.nodes.toReversed() } };
    const [{ report, model: small }, ordered] = [
      await compress({ ...options, model: encodeModel(shuffled), recipe: recipe('int8') }),
      await compress({ ...options, recipe: recipe('int8') }),
    ];
    expect(report.passes.map((p) => p.pass)).toEqual(['normalise', ...ordered.report.passes.map((p) => p.pass)]);
    expect(report.passes[0]!.changes['topological-order']).toBeGreaterThan(0);
    expect(report.after.accuracy).toBe(ordered.report.after.accuracy);
    assertLegal(decodeModel(small));
  });

  it('gives the same bytes for the same recipe, data and model, fine-tuning included', async () => {
    const [a, b] = [await compress({ ...options, recipe: halved() }), await compress({ ...options, recipe: halved() })];
    expect(Buffer.compare(a.model, b.model)).toBe(0);
  });

  it('names every bad field of recipe and target', async () => {
    const bad = { name: 'Bad Name', passes: [{ pass: 'prune-filters', ratio: 2 }, { pass: 'shrink' }] };
    await expect(compress({ ...options, recipe: bad })).rejects.toMatchObject({
      code: 'bad-recipe',
      problems: [
        expect.stringContaining('recipe.name'),
        expect.stringContaining('recipe.passes.0.ratio'),
        expect.stringContaining('recipe.passes.1'),
      ],
    });
    await expect(
      compress({ ...options, recipe: recipe('fp32'), target: { name: 'x64', threads: 0 } }),
    ).rejects.toMatchObject({
      code: 'bad-recipe',
      problems: [expect.stringContaining('target.threads')],
    });
  });

  it('stops within a training epoch when asked', async () => {
    const stop = new AbortController();
    const run = compress({
      ...options,
      recipe: halved(),
      signal: stop.signal,
      onProgress: ({ fraction }) => fraction > 0.1 && stop.abort(),
    });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  });
});
