/**
 * For each TypeScript block that a document shows, in the order of the document: what it takes as given, and what must be so
 * afterwards. `code-blocks.test.ts` makes a module of the three and runs it; `given` there is `given.ts`, `fleet`
 * is `given-fleet.ts`, `expect` Vitest's.
 */
export interface Frame {
  /** Before the block; names that it declares are those that the block uses. */
  readonly given: string;
  /** After the block, with its names: holds what the block's comments say. */
  readonly then: string;
}

export const frames: Readonly<Record<string, readonly Frame[]>> = {
  'apps/control-plane/README.md': [
    {
      given: `await fleet.ownPlaneSettings();`,
      then: `
        expect(plane.httpUrl).toMatch(/^http:/);
        expect(plane.grpcPort).not.toBe(plane.enrollPort);
        await expect(fetch(plane.httpUrl)).rejects.toThrow(); // it is closed`,
    },
  ],
  'packages/blobs/README.md': [
    {
      given: `
        import { createHash } from 'node:crypto';
        import { Readable } from 'node:stream';
        given.environment({ BLOBS_DIR: 'blobs', S3_ENDPOINT: undefined, S3_BUCKET: undefined });
        const content = Buffer.from(given.numbers(150_000).buffer);
        const request = Readable.from([content.subarray(0, 99), content.subarray(99)]);
        const promised = 'sha256:' + createHash('sha256').update(content).digest('hex');`,
      then: `
        expect([digest, bytes]).toEqual([promised, content.length]);
        expect(Buffer.concat(await part.toArray()).equals(content.subarray(262_144, 524_288))).toBe(true);
        expect(content.equals(whole)).toBe(true);`,
    },
  ],
  'packages/compression/README.md': [
    {
      given: `
        const bytes = await given.trainedModel();
        const { train, validation, test } = await given.digits();
        const { signal } = new AbortController();`,
      then: `
        expect(model.length).toBeLessThan(bytes.length);
        expect(report.offered).toBe(report.reasons.length === 0);`,
    },
  ],
  'packages/contracts/README.md': [
    {
      given: `
        import { credentials as grpc } from '@grpc/grpc-js';
        const text = '{ "model": { "architecture": "mlp" }, "data": { "path": "x" }, "optimizer": { "name": "adam" }, "epochs": 1 }';
        const { baseUrl, token } = await fleet.plane('demo');
        const credentials = grpc.createSsl();`,
      then: `
        expect(config.epochs).toBe(1);
        expect(() => TrainingConfig.parse({ model: 1, epochs: 'x' })).toThrow(/model[^]*epochs/);
        expect(items).toEqual([]);
        expect(transition(rolloutLifecycle, 'running', 'pause')).toBe('paused');
        expect(() => transition(rolloutLifecycle, 'paused', 'pause')).toThrow('a rollout that is paused cannot pause');
        device.close();`,
    },
  ],
  'packages/data/README.md': [
    {
      given: ``,
      then: `
        expect(digits.x).toHaveLength(1797 * 64);
        expect([train, validation, test].map(({ y }) => y.length)).toEqual([1259, 179, 359]);
        expect(digestOf(digits)).toMatch(/^(sha256:)?[0-9a-f]{64}$/);`,
    },
    {
      given: `import { openDataset } from '@verge/data';`,
      then: `
        const digits = await openDataset('datasets/digits');
        expect([source.count, source.shape, train.length]).toEqual([1797, [1, 8, 8], 1259]);
        expect([...some.y]).toEqual([5, 3, 5].map((i) => digits.y[i]));
        expect([...some.indices]).toEqual([5, 3, 5]);`,
    },
  ],
  'packages/onnx/README.md': [
    {
      given: `
        import { encodeModel as encode } from '@verge/onnx';
        const bytes = encode(given.convolutions());`,
      then: `
        expect(fired.map(({ rule }) => rule)).toEqual(['remove-identity']);
        expect(declined).toEqual([]);
        expect(decodeModel(out).graph.nodes).toHaveLength(model.graph.nodes.length - 1);`,
    },
    {
      given: `
        import { loadExternalData } from '@verge/onnx';
        import { readFile } from 'node:fs/promises';
        const model = given.convolutions();`,
      then: `
        const files = new Map([['net.onnx.data', await readFile('net.onnx.data')]]);
        expect(encodeModel(small).length).toBeLessThan(encodeModel(model).length / 2);
        expect((await readFile('net.onnx')).equals(encodeModel(small))).toBe(true);
        expect(encodeModel(loadExternalData(small, files))).toEqual(encodeModel(model));`,
    },
    {
      given: `
        import { checkModel } from '@verge/onnx';
        const weights = given.numbers(8 * 27);`,
      then: `expect(checkModel(model)).toEqual([]);`,
    },
    {
      given: `const model = given.convolutions();`,
      then: `
        expect(repairs).toEqual([]);
        expect(mended.graph.nodes).toHaveLength(model.graph.nodes.length);`,
    },
    {
      given: `
        import { rewrite } from '@verge/onnx';
        const model = given.convolutions();`,
      then: `expect(rewrite(model, [mulByOne]).fired.map(({ rule }) => rule)).toEqual(['mul-by-one']);`,
    },
    {
      given: `
        import { createSession } from '@verge/runtime';
        const model = given.convolutions();`,
      then: `
        expect(smaller.graph.nodes.length).toBeLessThan(model.graph.nodes.length);
        expect(nodesAfter).toBeLessThan(nodesBefore);
        expect(steps.length).toBeGreaterThan(0);
        expect(comparison).toBeTruthy();`,
    },
    {
      given: `
        import { encodeModel } from '@verge/onnx';
        import { createSession } from '@verge/runtime';
        const model = given.convolutions();`,
      then: `
        expect([stages.length, trafficBytes! > 0, balance > 0 && balance <= 1]).toEqual([3, true, true]);
        const whole = await createSession(encodeModel(model));
        const x = given.tensor(8, 3, 16, 16);
        const [a, b] = [(await session.run({ x }))['y']!.data, (await whole.run({ x }))['y']!.data];
        expect(a).toHaveLength(8 * 16);
        Array.from(a, Number).forEach((value, i) => expect(value).toBeCloseTo(Number(b[i]), 5));
        await Promise.all([session.release(), whole.release()]);`,
    },
  ],
  'packages/runtime/README.md': [
    {
      given: `
        const [bytes, newBytes] = [given.digitsModel(), given.digitsModel(1)];
        const x = given.tensor(2, 1, 8, 8);
        const { test: samples } = await given.digits();`,
      then: `
        expect(direct['scores']!.dims).toEqual([2, 10]);
        expect(outputs).toEqual(direct);
        expect([tag, runMs >= 0, queueMs >= 0]).toEqual(['digits@1', true, true]);
        expect(served.tag).toBe('digits@2');
        expect(served.serving).toBe(false);`,
    },
  ],
  'packages/training/README.md': [
    {
      given: `
        import { readFile } from 'node:fs/promises';
        // The block's 95 epochs of all digits take ten seconds; of these few, less than two.
        const full = process.env['VERGE_TEST_FULL'] !== undefined;
        if (!full) await given.fewDigits(200);`,
      then: `
        expect([teacher.history.length, student.history.length]).toEqual([45, 50]);
        expect(student.validation.accuracy).toBeGreaterThan(full ? 0.95 : 0.5);
        expect((await readFile('student.onnx')).equals(student.bytes)).toBe(true);`,
    },
    {
      given: `
        import { createSession } from '@verge/runtime';
        import { fit } from '@verge/training';
        const towers = await given.towers();
        const [left, right, scores] = [given.numbers(20), given.numbers(84), given.numbers(4)];
        const kinds = Int32Array.of(0, 1, 2, 3);`,
      then: `
        expect(model.graph.inputs).toEqual(towers.graph.inputs);
        expect(model.graph.outputs).toEqual(towers.graph.outputs);`,
    },
    {
      given: `
        import { pick } from '@verge/data';
        import { decodeModel } from '@verge/onnx';
        import { createSession } from '@verge/runtime';
        import { buildArchitecture, fit, replaceHead } from '@verge/training';
        const all = await given.digits();
        const half = (part: 'train' | 'validation', from: number) => {
          const of = all[part];
          const some = pick(of, [...of.y.keys()].filter((i) => of.y[i]! >= from && of.y[i]! < from + 5).slice(0, 300));
          return { ...some, y: Int32Array.from(some.y, (label) => label - from) };
        };
        const low = { train: half('train', 0), validation: half('validation', 0) };
        const network = buildArchitecture('lenet', { input: [1, 8, 8], classes: 5 });
        const quick = { createSession, epochs: 5, optimizer: { name: 'adamw', learningRate: 0.003 } } as const;
        const { model: digits } = await fit({ ...quick, ...low, model: network });
        const [train, validation] = [half('train', 5), half('validation', 5)];`,
      then: `
        const trained = decodeModel(bytes).graph.initializers;
        expect([...trained.keys()]).toEqual([...model.graph.initializers.keys()]);
        expect([...adapters!.keys()]).toEqual(['conv1.weight', 'conv2.weight', 'dense1.weight', 'dense2.weight']);
        expect(trained.get('conv1.bias')).toEqual(model.graph.initializers.get('conv1.bias'));`,
    },
  ],
  'packages/trust/README.md': [
    {
      given: `const [deviceId, projectId] = ['cam-7', 'demo'];`,
      then: `
        expect(privateKeyPem).toContain('PRIVATE KEY');
        const { notBefore, notAfter, ...who } = readDeviceIdentity(certificatePem);
        expect(who).toEqual({ deviceId, projectId, serial });
        expect(notBefore < notAfter).toBe(true);`,
    },
    {
      given: `
        import { readRepository } from '@verge/trust/publish';
        const [path, length, sha256, custom] = ['digits/2/gateway.json', 42, 'ab'.repeat(32), { note: 'x' }];
        const deviceId = 'cam-7';
        const versions = { targets: 1, snapshot: 1, timestamp: 1 };
        const expires = new Date(Date.now() + 60_000);`,
      then: `
        const whole = (...added: Map<string, Uint8Array>[]) => readRepository(new Map([...previous, ...added.flatMap((files) => [...files])]));
        expect(whole().targets.map((target) => target.path)).toEqual([path]);
        expect(whole(taken).targets).toEqual([]);
        expect(whole(taken).withdrawn.map(({ reason }) => reason)).toEqual(['wrong in the rain']);
        expect([whole(longer).versions.timestamp, lacking]).toEqual([3, []]);
        expect(whole(next).versions.root).toBe(2);
        expect([...own.keys()]).toContain('1.targets.json');`,
    },
    {
      given: `
        import { createKey, directorMetadata, initDirector, initRepository } from '@verge/trust/publish';
        const [path, deviceId, key] = ['digits/2/gateway.json', 'cam-7', createKey()];
        const targets = [{ path, length: 42, sha256: 'ab'.repeat(32) }];
        const keys = { root: [key], targets: [key], snapshot: [key], timestamp: [key] };
        const versions = { targets: 1, snapshot: 1, timestamp: 1 };
        const expires = new Date(Date.now() + 60_000);
        const repositories = {
          release: initRepository({ keys, targets }),
          director: directorMetadata({ roots: initDirector({ key }), deviceId, targets, versions, key, expires }),
        };
        const fetchOverGrpc = given.transport(repositories);
        const [dir, trustedRoot] = ['release', repositories.release.get('1.root.json')!];
        const director = await (await import('@verge/trust/verify')).RepositoryClient.open({
          dir: 'director',
          trustedRoot: repositories.director.get('1.root.json')!,
          fetch: (name) => fetchOverGrpc('director', name),
        });
        await director.refresh();`,
      then: `expect([{ path, length, sha256 }]).toEqual(targets);`,
    },
    {
      given: `
        const digest = 'sha256:' + 'ab'.repeat(32);
        const dataset = { name: 'digits', digest: 'sha256:' + 'cd'.repeat(32) };
        const parents = [{ name: 'teacher.onnx', digest: 'sha256:' + 'ef'.repeat(32) }];
        const [recipe, builder] = [{ name: 'int8' }, { id: 'https://example.org/workers/1' }];`,
      then: `
        const options = { publicKeys: [signer.publicKeyPem], subjectDigest: digest };
        const { statement, keyids } = verifyProvenance(envelope, options);
        expect([statement.subject[0]!.name, keyids]).toEqual(['model.onnx', [signer.keyid]]);
        expect(() => verifyProvenance(envelope, { ...options, subjectDigest: dataset.digest })).toThrow('does not speak of');`,
    },
  ],
};
