import { describe, expect, it } from 'vitest';
import { revalidating } from './revalidating.js';

const answer = (text: string, etag: string): Response =>
  new Response(text, { headers: { etag, 'content-type': 'application/json' } });

describe('an answer that is known', () => {
  it('is asked for with its tag, and given again when it is still true', async () => {
    const told: (string | null)[] = [];
    const answers = [answer('1', '"a"'), new Response(null, { status: 304 }), answer('2', '"b"'), answer('3', '"c"')];
    const ask = revalidating((_, init) => {
      told.push(new Headers(init?.headers).get('if-none-match'));
      return Promise.resolve(answers.shift()!);
    });
    const read = async (url: string): Promise<[string, string | null]> => {
      const response = await ask(url);
      expect(response.status).toBe(200);
      return [await response.text(), response.headers.get('etag')];
    };
    expect(await read('/one')).toEqual(['1', '"a"']);
    expect(await read('/one')).toEqual(['1', '"a"']);
    expect(await read('/one')).toEqual(['2', '"b"']);
    expect(await read('/other')).toEqual(['3', '"c"']);
    expect(told).toEqual([null, '"a"', '"a"', null]);
  });

  it('is not looked for where something is changed, and forgotten where it is refused', async () => {
    const told: (string | null)[] = [];
    const answers = [answer('1', '"a"'), answer('2', '"b"'), new Response('', { status: 403 }), answer('4', '"d"')];
    const ask = revalidating((_, init) => {
      told.push(new Headers(init?.headers).get('if-none-match'));
      return Promise.resolve(answers.shift()!);
    });
    await ask('/one');
    await ask('/one', { method: 'POST' });
    expect((await ask('/one')).status).toBe(403);
    await ask('/one');
    expect(told).toEqual([null, null, '"a"', null]);
  });
});
