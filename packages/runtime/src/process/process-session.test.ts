import { bfloat16Bits, bfloat16Value, encodeModel, float32, GraphBuilder, randomFeeds } from '@verge/onnx';
import { describe, expect, it } from 'vitest';
import { openSession } from '../session.js';
import { addOne } from '../test-models.js';
import { openInProcess } from './process-session.js';

/** -2^31 / -1 does not fit int32: the division traps (SIGFPE), whatever the input. */
function divides(): Uint8Array {
  const b = new GraphBuilder();
  const one = b.constant({ dtype: 'int32', dims: [], data: Int32Array.of(1) });
  const least = b.constant({ dtype: 'int32', dims: [1], data: Int32Array.of(-(2 ** 31)) });
  const minusOne = b.node('Neg', [b.node('Min', [b.node('Max', [b.input('x', 'int32', ['n']), one]), one])]);
  b.output(b.node('Div', [least, minusOne]), 'int32', ['n']);
  return encodeModel(b.build());
}

describe('a session in a process of its own', () => {
  it('answers as one in this process does', async () => {
    const feeds = { x: float32([2, 3], [1, 2, 3, 4, 5, 6]) };
    const [here, there] = [await openSession(addOne()), await openInProcess(addOne())];
    expect(await there.run(feeds)).toEqual(await here.run(feeds));
    expect([there.inputs, there.outputNames, there.changes]).toEqual([here.inputs, here.outputNames, []]);
    await Promise.all([here.release(), there.release()]);
  });

  it.runIf(process.arch === 'x64')('outlives a model that ends its process, and says so at every run', async () => {
    const session = await openInProcess(divides());
    const feeds = { x: { dtype: 'int32' as const, dims: [1], data: Int32Array.of(1) } };
    await expect(session.run(feeds)).rejects.toMatchObject({
      code: 'crashed',
      message: expect.stringMatching(/SIGFPE/),
    });
    await expect(session.run(feeds)).rejects.toMatchObject({ code: 'crashed' });
    await session.release();
  });

  it('refuses what a session in this process refuses', async () => {
    await expect(openInProcess(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'model-refused' });
    const session = await openInProcess(addOne());
    await expect(session.run({})).rejects.toMatchObject({ code: 'bad-feed' });
    await session.release();
  });
});

describe('bfloat16 at the edges', () => {
  const model = new GraphBuilder();
  const doubled = model.node('Cast', [model.input('x', 'bfloat16', ['n', 4])], { to: { kind: 'int', value: 1n } });
  const sum = model.node('Add', [doubled, doubled]);
  model.node('Cast', [sum], { to: { kind: 'int', value: 16n } }, 1, { outputNames: ['y'] });
  model.output('y', 'bfloat16', ['n', 4]);
  const built = model.build();

  it.each([['here', openSession] as const, ['in a process', openInProcess] as const])(
    'goes in and comes out as bit patterns, %s',
    async (_, open) => {
      const feeds = randomFeeds(built, { dims: { n: 3 } });
      expect(feeds['x']).toMatchObject({ dtype: 'bfloat16', dims: [3, 4] });
      const session = await open(encodeModel(built));
      expect([session.inputs[0]?.dtype, session.outputs[0]?.dtype]).toEqual(['bfloat16', 'bfloat16']);
      const { y } = await session.run(feeds);
      const twice = Array.from(feeds['x']!.data as Uint16Array, (bits) => bfloat16Bits(2 * bfloat16Value(bits)));
      expect(y).toEqual({ dtype: 'bfloat16', dims: [3, 4], data: Uint16Array.from(twice) });
      expect(session.changes.map((change) => change.kind)).toEqual(['bfloat16', 'bfloat16']);
      await session.release();
    },
  );
});
