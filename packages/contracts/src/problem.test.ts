import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldErrors } from './problem.js';
import { TrainingConfig } from './training-config.js';

const lines = (schema: z.ZodType, value: unknown): string[] => {
  const { error } = schema.safeParse(value);
  return error ? fieldErrors(error).map(({ field, detail }) => `${field} ${detail}`) : [];
};

describe('what is wrong with a document', () => {
  it('says of every field what was expected', () => {
    const schema = z.strictObject({
      count: z.int().min(1),
      share: z.number(),
      kind: z.enum(['a', 'b']),
      name: z.string().refine((name) => name === 'x', 'expected x'),
      'a/b': z.boolean(),
    });
    const value = { count: 0, kind: 'c', name: 'y', 'a/b': 'yes', more: 1 };
    expect(lines(schema, value)).toEqual([
      '/count expected number to be >=1',
      '/share missing, expected number',
      '/kind expected one of "a"|"b"',
      '/name expected x',
      '/a~1b expected boolean, received string',
      '/more no such field',
    ]);
    expect(lines(schema, null)).toEqual(['/ expected object, received null']);
  });

  it('names the fields of two forms that do not go together', () => {
    const rest = { epochs: 1, optimizer: { name: 'sgd' } };
    const model = (fields: object): string[] => lines(TrainingConfig, { model: fields, ...rest });
    expect(model({ architecture: 'mlp', onnx: 'a.onnx' })).toEqual(['/model/onnx not together with architecture']);
    expect(model({ architecture: 'mlp', onnx: 'a.onnx', params: {}, widht: 3 })).toEqual([
      '/model/onnx not together with architecture, params',
      '/model/widht no such field',
    ]);
    // Here only one form can be meant.
    expect(model({ architecture: 'mlp', newHead: true })).toEqual(['/model/newHead no such field']);
    expect(model({ widht: 3 })).toContain('/model/widht no such field');
  });
});
