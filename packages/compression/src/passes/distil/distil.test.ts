/** Students of each kind against the trained teacher that they take the place of. */
import { fileURLToPath } from 'node:url';
import { RecipePass } from '@verge/contracts';
import { loadDigits, splitSamples } from '@verge/data';
import { assertLegal, encodeModel, figuresOf, float32, GraphBuilder, int, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture, fit, predict, score } from '@verge/training';
import { describe, expect, it } from 'vitest';
import { randomTensor } from '../../test-models.js';
import type { PassContext } from '../pass.js';
import { distil, type DistilOptions } from './distil.js';
import { inPlaceOf } from './interface.js';

const digits = fileURLToPath(new URL('../../../../../datasets/digits/', import.meta.url));
const data = splitSamples(await loadDigits(digits));
const context: PassContext = { createSession, ...data };

const options = (given: object): DistilOptions => RecipePass.parse({ pass: 'distil', ...given }) as DistilOptions;
const accuracy = async (m: Model): Promise<number> =>
  score(await predict(m, data.test, createSession), data.test.y).accuracy;

const teacher = (
  await fit({
    ...{ model: buildArchitecture('cnn', { input: [1, 8, 8], classes: 10 }), createSession },
    ...{ train: data.train, validation: data.validation, epochs: 6 },
    optimizer: { name: 'adamw', learningRate: 0.005 },
  })
).model;

/** The teacher as many exporters write it: an input of another name, probabilities out. */
function probabilities(model: Model): Model {
  const { graph } = model;
  const [scores] = graph.outputs;
  const node = {
    ...{ op: 'Softmax', domain: '', name: 'softmax', inputs: [scores!.name], outputs: ['p'] },
    attributes: new Map([['axis', int(-1)]]),
  };
  return { ...model, graph: { ...graph, nodes: [...graph.nodes, node], outputs: [{ ...scores!, name: 'p' }] } };
}

const tuning = { epochs: 6, optimizer: { name: 'adamw', learningRate: 0.005 } };
/** Of networks that begin with random weights. */
const longer = { epochs: 15, optimizer: { name: 'adamw', learningRate: 0.01 } };

describe('distil', () => {
  it('trains a narrower copy to nearly the accuracy of the teacher', async () => {
    const made = await distil(teacher, options({ student: { from: 'narrower', width: 0.5, multiple: 4 }, fineTune: tuning }), 8, context); // prettier-ignore
    assertLegal(made.model);
    expect(figuresOf(made.model).macs!).toBeLessThan(0.5 * figuresOf(teacher).macs!);
    expect(made.changes).toMatchObject({
      parametersBefore: figuresOf(teacher).parameters,
      parametersAfter: figuresOf(made.model).parameters,
    });
    expect(await accuracy(made.model)).toBeGreaterThan((await accuracy(teacher)) - 0.03);
  });

  it('trains a built-in architecture that has the inputs and outputs of the model afterwards', async () => {
    const source = probabilities(teacher);
    const student = { from: 'architecture', architecture: 'mlp', params: { hidden: [24] } };
    const { model, notes } = await distil(source, options({ student, fineTune: longer }), 8, context);
    assertLegal(model);
    expect(model.graph.inputs.map((i) => i.name)).toEqual(source.graph.inputs.map((i) => i.name));
    expect(model.graph.outputs.map((o) => o.name)).toEqual(['p']);
    expect(notes).toEqual(["the student is the architecture 'mlp'"]);
    const session = await createSession(encodeModel(model));
    const { p } = await session.run({ input: { ...randomTensor([2, 1, 8, 8], 3) } });
    await session.release();
    const sums = [0, 1].map((row) => (p!.data as Float32Array).slice(10 * row, 10 * row + 10).reduce((a, b) => a + b));
    sums.forEach((sum) => expect(sum).toBeCloseTo(1, 5));
    expect(await accuracy(model)).toBeGreaterThan(0.9);
  });

  it('learns from the model that the recipe was given, not from what earlier passes left of it', async () => {
    const student = { from: 'architecture', architecture: 'mlp', params: { hidden: [16] } };
    const how = options({ student, fineTune: { ...longer, distillation: { temperature: 2, alpha: 0 } } });
    const spoilt = buildArchitecture('cnn', { input: [1, 8, 8], classes: 10 }, 9);
    const [right, wrong] = [
      await distil(spoilt, how, 8, { ...context, original: teacher }),
      await distil(spoilt, how, 8, context),
    ];
    expect(await accuracy(right.model)).toBeGreaterThan((await accuracy(wrong.model)) + 0.3);
  });

  it('reads a student from a file, repairs it, and refuses one of other inputs or outputs', async () => {
    const file = (classes: number, dtype: 'float32' | 'int64' = 'float32'): Uint8Array => {
      const b = new GraphBuilder();
      // Values of the student's are called as the model's output and input are.
      const x = b.input('pixels', dtype, ['N', 1, 8, 8]);
      const wide = dtype === 'float32' ? x : b.node('Cast', [x], { to: int(1) });
      const flat = b.node('Flatten', [wide], {}, 1, { outputNames: ['logits'] });
      const weight = b.initializer(
        'input',
        float32(
          [classes, 64],
          randomTensor([classes, 64], 4).data.map((v) => v / 8),
        ),
      );
      b.output(b.node('Gemm', [flat, weight], { transB: int(1) }, 1, { outputNames: ['scores'] }), 'float32', ['N', classes]); // prettier-ignore
      return encodeModel(b.build());
    };
    const how = options({ student: { from: 'onnx', onnx: 'student.onnx' }, fineTune: longer });
    const reading = (bytes: Uint8Array): PassContext => ({ ...context, readModel: () => Promise.resolve(bytes) });
    const { model } = await distil(teacher, how, 8, reading(file(10)));
    assertLegal(model);
    expect(model.graph.inputs.map((i) => i.name)).toContain('input');
    expect(await accuracy(model)).toBeGreaterThan(0.85);
    await expect(distil(teacher, how, 8, reading(file(7)))).rejects.toMatchObject({
      code: 'unsuitable-model',
      problems: [expect.stringMatching(/^the student's '\w+' is \[1, 7\], the model's \[1, 10\]$/)],
    });
    await expect(distil(teacher, how, 8, reading(file(10, 'int64')))).rejects.toThrow(/'pixels' is int64, the model's float32/); // prettier-ignore
    await expect(distil(teacher, how, 8, context)).rejects.toThrow("student.onnx: 'student.onnx' cannot be read here");
  });

  it('names an architecture or a parameter that there is not', async () => {
    const wrong = (student: object): Promise<unknown> => distil(teacher, options({ student }), 8, context);
    await expect(wrong({ from: 'architecture', architecture: 'resnet99' })).rejects.toMatchObject({
      code: 'bad-recipe',
      problems: [expect.stringMatching(/^student\.architecture: no architecture is called 'resnet99'/)],
    });
    await expect(wrong({ from: 'architecture', architecture: 'mlp', params: { depth: 3 } })).rejects.toThrow(
      /student\.params\.depth: no such parameter/,
    );
    expect(() => options({ fineTune: { epochs: 0 } })).toThrow(/learns nothing/);
  });

  it('keeps several inputs apart by their names', () => {
    const two = (a: string, c: string): Model => {
      const b = new GraphBuilder();
      const sum = b.node('Add', [b.input(a, 'float32', ['N', 4]), b.input(c, 'float32', ['N', 4])]);
      b.output(sum, 'float32', ['N', 4]);
      return b.build();
    };
    expect(inPlaceOf(two('u', 'v'), two('v', 'u')).graph.inputs.map((i) => i.name)).toEqual(['u', 'v']);
    expect(() => inPlaceOf(two('u', 'w'), two('u', 'v'))).toThrow("the student reads 'u', 'w', the model 'u', 'v'");
  });
});
