import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datasetText, type ApiError, type Client } from '@verge/contracts';
import { Plane, until } from '../test/plane.js';

let plane: Plane;
let api: Client & { token: string };
let other: Client & { token: string };
const params = { project: 'plant' };
beforeAll(async () => {
  plane = await Plane.start({ VERGE_MAX_BLOB_BYTES: '3000000' });
  api = await plane.member('plant');
  other = await plane.member('office');
});
afterAll(() => plane.close());

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const refusal = async (call: Promise<unknown>): Promise<ApiError> =>
  await call.then(
    () => expect.fail('expected a refusal'),
    (error: ApiError) => error,
  );
const put = async (text: string, client = api, project = 'plant') => {
  const raw = Buffer.from(text);
  const digest = digestOf(raw);
  return await client.call('blobs.put', { params: { project, digest }, raw });
};

describe('blobs', () => {
  it('are stored under their digest, and again without harm', async () => {
    const first = await put('weights');
    expect(first).toEqual({ digest: digestOf(Buffer.from('weights')), bytes: 7 });
    expect(await put('weights')).toEqual(first);
    const response = await api.open('blobs.get', { params: { ...params, digest: first.digest } });
    expect(await response.text()).toBe('weights');
    const head = await api.open('blobs.head', { params: { ...params, digest: first.digest } });
    expect(head.headers.get('content-length')).toBe('7');
  });

  it('are refused when they are not what their digest says, or too large', async () => {
    const digest = digestOf(Buffer.from('something else'));
    const wrong = await refusal(api.call('blobs.put', { params: { ...params, digest }, raw: Buffer.from('weights!') }));
    expect(wrong.code).toBe('DIGEST_MISMATCH');
    expect(await plane.blobs.stat(digest)).toBeNull();
    const large = Buffer.alloc(3_000_001);
    const declared = api.call('blobs.put', { params: { ...params, digest: digestOf(large) }, raw: large });
    expect((await refusal(declared)).code).toBe('BODY_TOO_LARGE');
    // Without a length that is told beforehand it is counted on the way.
    const chunks = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(200_000)),
    });
    const streamed = api.call('blobs.put', { params: { ...params, digest: digestOf(large) }, raw: chunks });
    expect(['BODY_TOO_LARGE', 'UNREACHABLE']).toContain((await refusal(streamed)).code);
    expect(await plane.blobs.stat(digestOf(large))).toBeNull();
    const named = await refusal(api.call('blobs.put', { params: { ...params, digest: 'sha256:zz' }, raw: 'x' }));
    expect(named.errors.map((e) => e.field)).toEqual(['{digest}']);
  });

  it('belong to the projects that sent them: to know a digest is not to have the bytes', async () => {
    const { digest } = await put('secret of the plant');
    const theirs = { params: { project: 'office', digest } };
    expect((await refusal(other.open('blobs.get', theirs))).code).toBe('NOT_FOUND');
    const file = { path: 'data.csv', digest, bytes: 19 };
    const dataset = { name: 'stolen', format: 'csv' as const, files: [file] };
    const error = await refusal(other.call('datasets.create', { params: { project: 'office' }, body: dataset }));
    expect(error.errors.map((e) => e.field)).toEqual(['/files/0']);
  });

  it('honour Range', async () => {
    const { digest } = await put('0123456789');
    const url = `${plane.url}/api/v1/projects/plant/blobs/${digest}`;
    const range = async (header: string): Promise<[number, string, string | null]> => {
      const response = await fetch(url, { headers: { authorization: `Bearer ${api.token}`, range: header } });
      return [response.status, await response.text(), response.headers.get('content-range')];
    };
    expect(await range('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10']);
    expect(await range('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10']);
    expect(await range('bytes=-2')).toEqual([206, '89', 'bytes 8-9/10']);
    expect(await range('bytes=99-')).toEqual([416, expect.stringContaining('within 10 bytes'), 'bytes */10']);
    expect(await range('bytes=0-1,4-5')).toEqual([200, '0123456789', null]);
  });
});

describe('blobs in parts', () => {
  const bytes = Buffer.from('0123456789'.repeat(20));
  const place = { ...params, digest: digestOf(bytes) };
  const part = (offset: number, raw: Uint8Array, last = false) =>
    api.call('blobs.part.put', { params: place, query: { offset, last: last ? 'true' : 'false' }, raw });

  it('go on where they stopped, and are whole only when their digest says so', async () => {
    expect(await api.call('blobs.part.get', { params: place })).toMatchObject({ received: 0, stored: false });
    expect(await part(0, bytes.subarray(0, 70))).toMatchObject({ received: 70, stored: false });
    const gap = await refusal(part(80, bytes.subarray(80)));
    expect([gap.code, gap.message]).toEqual(['STATE_CONFLICT', expect.stringContaining('70 bytes')]);
    // Of a request that breaks off, what arrived is kept.
    const torn = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes.subarray(70, 110)),
      pull: async (controller) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        controller.error(new Error('the cable was pulled'));
      },
    });
    const broken = api.call('blobs.part.put', { params: place, query: { offset: 70 }, raw: torn });
    await broken.catch(() => undefined);
    const { received } = await until(
      'the broken request is over',
      () => api.call('blobs.part.get', { params: place }),
      (state) => state.received > 70,
    );
    expect(received).toBe(110);
    expect(await part(110, bytes.subarray(110), true)).toEqual({ digest: place.digest, received: 200, stored: true });
    const whole = await api.open('blobs.get', { params: place });
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(bytes);
    expect(await api.call('blobs.part.get', { params: place })).toMatchObject({ received: 200, stored: true });
  });

  it('are thrown away when they are not what they said, and bounded like a whole', async () => {
    const other = { ...params, digest: digestOf(Buffer.from('other')) };
    const query = { offset: 0, last: 'true' as const };
    const wrong = await refusal(api.call('blobs.part.put', { params: other, query, raw: Buffer.from('wrong') }));
    expect(wrong.code).toBe('DIGEST_MISMATCH');
    expect(await api.call('blobs.part.get', { params: other })).toMatchObject({ received: 0 });
    const large = await refusal(api.call('blobs.part.put', { params: other, query, raw: Buffer.alloc(3_000_001) }));
    expect(large.code).toBe('BODY_TOO_LARGE');
  });

  it("are each project's own, and one question tells which of many are missing", async () => {
    await part(0, Buffer.from('x')).catch(() => undefined);
    const theirs = { params: { project: 'office', digest: place.digest } };
    expect(await other.call('blobs.part.get', theirs)).toMatchObject({ received: 0, stored: false });
    const digests = [place.digest, digestOf(Buffer.from('never sent')), place.digest];
    expect(await api.call('blobs.missing', { params, body: { digests } })).toEqual({ missing: [digests[1]] });
    const asked = await other.call('blobs.missing', { params: { project: 'office' }, body: { digests } });
    expect(asked.missing).toEqual([digests[0], digests[1]]);
  });
});

describe('data sets', () => {
  const body = async (name: string) => {
    const blob = await put(`rows of ${name}`);
    return { name, format: 'csv' as const, files: [{ path: 'data.csv', ...blob }], labels: ['a', 'b'] };
  };

  it('are found by id and by name, and are not made twice', async () => {
    const made = await api.call('datasets.create', { params, body: await body('digits') });
    expect([made.fileCount, made.bytes]).toEqual([1, 'rows of digits'.length]);
    for (const dataset of [made.id, 'digits']) {
      expect(await api.call('datasets.get', { params: { ...params, dataset } })).toEqual(made);
    }
    const again = await refusal(api.call('datasets.create', { params, body: await body('digits') }));
    expect(again.code).toBe('CONFLICT');
  });

  it('name every file that the project does not hold, or that is not of that size', async () => {
    const blob = await put('rows');
    const files = [
      { path: 'a', digest: `sha256:${'1'.repeat(64)}`, bytes: 3 },
      { path: 'b', ...blob },
      { path: 'c', digest: blob.digest, bytes: 5 },
    ];
    const error = await refusal(api.call('datasets.create', { params, body: { name: 'x', format: 'csv', files } }));
    expect(error.errors.map((e) => e.field)).toEqual(['/files/0', '/files/2']);
  });

  it('have no paths that leave their folder, nor two that a file system may take for one', async () => {
    const blob = await put('rows');
    const paths = ['a', '../../etc/passwd', 'C:\\x', 'b', 'two\nlines', 'b', 'A', 'a/b'];
    const files = paths.map((path) => ({ path, ...blob }));
    const error = await refusal(api.call('datasets.create', { params, body: { name: 'x', format: 'csv', files } }));
    const named = [...new Set(error.errors.map((e) => e.field))].sort();
    expect(named).toEqual([0, 1, 2, 4, 5, 6].map((i) => `/files/${i}/path`));
  });

  it('may have more files than a request names: the list of them is a blob', async () => {
    const { digest, bytes } = await put('one pixel');
    const files = Array.from({ length: 12_345 }, (_, i) => ({ path: `c${i % 7}/${i}.png`, digest, bytes }));
    const text = datasetText(files);
    const list = (
      await api.call('blobs.put', { params: { ...params, digest: digestOf(Buffer.from(text)) }, raw: text })
    ).digest;
    const body = { name: 'many', format: 'image-folder' as const, list };
    const made = await api.call('datasets.create', { params, body });
    expect(made).toMatchObject({ digest: list, fileCount: 12_345, bytes: 12_345 * 9 });
    const paths: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const query = { limit: 500, ...(cursor ? { cursor } : {}) };
      const page = await api.call('datasets.files', { params: { ...params, dataset: 'many' }, query });
      paths.push(...page.items.map((f) => f.path));
      cursor = page.nextCursor;
    }
    expect(paths).toEqual(files.map((f) => f.path).sort());
    // Neither the list of data sets nor one of them carries the files.
    const listed = await api.open('datasets.list', { params });
    expect((await listed.text()).length).toBeLessThan(5000);
    const inside = Buffer.from('17', 'utf8').toString('base64url');
    const bad = api.call('datasets.files', { params: { ...params, dataset: 'many' }, query: { cursor: inside } });
    expect((await refusal(bad)).errors.map((e) => e.field)).toEqual(['?cursor']);
  });

  it('are refused with a list that is none, that names strange blobs, or beside files', async () => {
    const refused = async (text: string, more: object = {}) => {
      const list = digestOf(Buffer.from(text));
      await api.call('blobs.put', { params: { ...params, digest: list }, raw: text });
      const body = { name: 'bad', format: 'csv' as const, list, ...more };
      return (await refusal(api.call('datasets.create', { params, body }))).errors;
    };
    const { digest } = await put('rows');
    expect(await refused(`${digest} 4 b\n${digest} 4 a\n`)).toEqual([
      { field: '/list', detail: 'line 2: expected paths in order, each once' },
    ]);
    expect(await refused('no list')).toEqual([{ field: '/list', detail: 'expected lines, each with an end' }]);
    expect((await refused(`${digest} 5 a\n`)).map((e) => e.field)).toEqual(['/list/0']);
    const both = await refused(`${digest} 4 a\n`, { files: [{ path: 'a', digest, bytes: 4 }] });
    expect(both).toEqual([{ field: '/files', detail: 'expected either files or list' }]);
  });

  it('come a page at a time, newest first, each once', async () => {
    const project = 'office';
    for (let i = 0; i < 5; i++) {
      const files = [{ path: 'data.csv', ...(await put(`rows ${i}`, other, project)) }];
      await other.call('datasets.create', { params: { project }, body: { name: `set-${i}`, format: 'csv', files } });
    }
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const query: { limit: number; cursor?: string } = cursor ? { limit: 2, cursor } : { limit: 2 };
      const page = await other.call('datasets.list', { params: { project }, query });
      expect(page.items.length).toBeLessThanOrEqual(2);
      names.push(...page.items.map((d) => d.name));
      cursor = page.nextCursor;
    } while (cursor);
    expect(names).toEqual(['set-4', 'set-3', 'set-2', 'set-1', 'set-0']);
    const query = { limit: 501, cursor: 'nonsense' };
    const bad = await refusal(other.call('datasets.list', { params: { project }, query }));
    expect(bad.errors.map((e) => e.field)).toEqual(['?limit']);
    const cursorOnly = other.call('datasets.list', { params: { project }, query: { cursor: 'nonsense' } });
    expect((await refusal(cursorOnly)).errors.map((e) => e.field)).toEqual(['?cursor']);
  });
});

describe('versions', () => {
  const tensor = (name: string) => [{ name, dtype: 'float32' as const, shape: [-1, 10] }];

  it('are numbered one after the other, also when they arrive at once', async () => {
    await api.call('models.create', { params, body: { name: 'vision' } });
    const blob = await put('onnx');
    const body = { digest: blob.digest, inputs: tensor('x'), outputs: tensor('y') };
    const made = await Promise.all(
      Array.from({ length: 6 }, () => api.call('versions.import', { params: { ...params, model: 'vision' }, body })),
    );
    expect(made.map((v) => v.version).sort()).toEqual([1, 2, 3, 4, 5, 6]);
    const third = await api.call('versions.get', { params: { ...params, version: 'vision@3' } });
    expect(third.id).toBe(made.find((v) => v.version === 3)!.id);
    const model = await api.call('models.get', { params: { ...params, model: 'vision' } });
    expect([model.versions, model.latest?.version]).toEqual([6, 6]);
    for (const version of ['vision@7', 'nothing@1']) {
      expect((await refusal(api.call('versions.get', { params: { ...params, version } }))).code).toBe('NOT_FOUND');
    }
    for (const version of ['vision@x', 'vision']) {
      const { errors } = await refusal(api.call('versions.get', { params: { ...params, version } }));
      expect(errors).toEqual([{ field: '{version}', detail: 'expected an id, or model@number such as digits@1' }]);
    }
    const lineage = await api.call('versions.lineage', { params: { ...params, version: 'vision@1' } });
    expect(lineage.nodes.map((n) => [n.kind, n.name])).toEqual([['version', 'vision@1']]);
  });
});

describe('recipes and audit', () => {
  it('a recipe is stored once under its name, with every bad pass named', async () => {
    const passes = [{ pass: 'fold' as const }, { pass: 'prune-filters' as const, ratio: 0.5 }];
    const made = await api.call('recipes.create', { params, body: { name: 'small', passes } });
    expect(made.recipe.passes).toHaveLength(2);
    expect((await refusal(api.call('recipes.create', { params, body: { name: 'small', passes } }))).code).toBe(
      'CONFLICT',
    );
    const wrong = [
      { pass: 'prune-filters' as const, ratio: 1.5 },
      { pass: 'quantize-static' as const, samples: 0 },
    ];
    const error = await refusal(api.call('recipes.create', { params, body: { name: 'Wrong', passes: wrong } }));
    expect(error.errors.map((e) => e.field).sort()).toEqual(['/name', '/passes/0/ratio', '/passes/1/samples']);
  });

  it('a recipe names only students that the project holds', async () => {
    const student = (onnx: string) => ({ pass: 'distil' as const, student: { from: 'onnx' as const, onnx } });
    const passes = [student('students/small.onnx'), { pass: 'fold' as const }, student(`sha256:${'0'.repeat(64)}`)];
    const error = await refusal(api.call('recipes.create', { params, body: { name: 'taught', passes } }));
    const detail = 'expected the digest of a blob that this project holds';
    expect(error.errors).toEqual([0, 2].map((i) => ({ field: `/passes/${i}/student/onnx`, detail })));
  });

  it('says who did what, and can be narrowed', async () => {
    const all = await api.call('audit.list', { params, query: {} });
    expect(all.items[0]).toMatchObject({
      action: 'recipe.create',
      actor: { kind: 'token' },
      subject: { name: 'small' },
    });
    const models = await api.call('audit.list', { params, query: { action: 'model' } });
    expect(models.items.map((e) => e.action)).toEqual(['model.create']);
    const before = await api.call('audit.list', { params, query: { to: '2020-01-01T00:00:00Z' } });
    expect(before.items).toEqual([]);
    const theirs = await api.call('audit.list', { params, query: { actor: 'nobody' } });
    expect(theirs.items).toEqual([]);
  });
});

describe('ports of an imported version', () => {
  const spec = (name: string) => ({ name, dtype: 'float32' as const, shape: [-1, 10] });

  it('are kept as declared, and empty where nothing is said', async () => {
    await api.call('models.create', { params, body: { name: 'several' } });
    const { digest } = await put('several inputs');
    const body = { digest, inputs: [spec('x'), spec('mask'), spec('scale')], outputs: [spec('y'), spec('z')] };
    const ports = { inputs: { mask: 'mask', scale: 2 }, dims: { one: 1 }, output: 'z' };
    const place = { ...params, model: 'several' };
    expect(await api.call('versions.import', { params: place, body: { ...body, ports } })).toMatchObject({ ports });
    const again = await api.call('versions.get', { params: { ...params, version: 'several@1' } });
    expect(again.ports).toEqual(ports);
    expect((await api.call('versions.import', { params: place, body })).ports).toEqual({});
    const wrong = { inputs: { x: 1, mask: 'a', scale: 2, 'not/there': 3 }, output: 'w' };
    const refused = await refusal(api.call('versions.import', { params: place, body: { ...body, ports: wrong } }));
    expect(refused.errors).toEqual([
      { field: '/ports/inputs/not~1there', detail: "the version has no input 'not/there'" },
      { field: '/ports/inputs', detail: 'no input is left for the samples themselves' },
      { field: '/ports/output', detail: "the version has no output 'w'" },
    ]);
  });
});
