import { describe, expect, it } from 'vitest';
import {
  externalLocations,
  float32,
  GraphBuilder,
  loadExternalData,
  OnnxError,
  readExternalData,
  type ExternalLocation,
  type Model,
} from './index.js';

function withExternal(external: ExternalLocation): Model {
  const b = new GraphBuilder();
  b.initializer('w', float32([2], [0, 0]));
  b.output(b.node('Relu', ['w']), 'float32', [2]);
  const model = b.build();
  model.graph.initializers.set('w', { name: 'w', value: { dtype: 'float32', dims: [2], external } });
  return model;
}

const file = new Uint8Array(Float32Array.of(9, 1.5, -2).buffer);

describe('external data', () => {
  it('is taken from the given files', () => {
    const model = withExternal({ location: 'data/w.bin', offset: 4, length: 8 });
    expect(externalLocations(model)).toEqual(['data/w.bin']);
    const loaded = loadExternalData(model, new Map([['data/w.bin', file]]));
    expect(loaded.graph.initializers.get('w')!.value).toEqual(float32([2], [1.5, -2]));
    expect(externalLocations(loaded)).toEqual([]);
  });

  it('is read tensor by tensor, each place once', async () => {
    const model = withExternal({ location: 'data/w.bin', offset: 4, length: 8 });
    const { value } = model.graph.initializers.get('w')!;
    model.graph.initializers.set('again', { name: 'again', value });
    const asked: unknown[] = [];
    const loaded = await readExternalData(model, (...place) => {
      asked.push(place);
      return file.slice(4, 12);
    });
    expect(asked).toEqual([['data/w.bin', 4, 8]]);
    for (const name of ['w', 'again']) {
      expect(loaded.graph.initializers.get(name)!.value).toEqual(float32([2], [1.5, -2]));
    }
  });

  it.each([
    ['a path outside', { location: 'a/../../w.bin', offset: 0, length: null }, 0],
    ['a file that ends before the tensor does', { location: 'w.bin', offset: 8, length: null }, 1],
  ])('refuses %s when it is read', async (_, external, reads) => {
    let count = 0;
    const refused = readExternalData(withExternal(external), (_location, offset, length) => {
      count++;
      return file.subarray(offset, offset + length);
    });
    await expect(refused).rejects.toMatchObject({ name: 'OnnxError', code: 'tensor-data' });
    expect(count).toBe(reads);
  });

  it.each([
    ['a missing file', { location: 'other.bin', offset: 0, length: null }],
    ['a path outside', { location: '../w.bin', offset: 0, length: null }],
    ['an absolute path', { location: '/w.bin', offset: 0, length: null }],
    ['a range beyond the file', { location: 'w.bin', offset: 8, length: null }],
    ['a length that the shape does not take', { location: 'w.bin', offset: 0, length: 4 }],
  ])('refuses %s', (_, external) => {
    const files = new Map(['w.bin', '../w.bin', '/w.bin'].map((name) => [name, file]));
    let error: unknown;
    try {
      loadExternalData(withExternal(external), files);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(OnnxError);
    expect((error as OnnxError).code).toBe('tensor-data');
  });
});
