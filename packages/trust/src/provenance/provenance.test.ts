import { createHash, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEnvelopeSigner,
  createProvenance,
  importEnvelopeSigner,
  preAuthenticationEncoding,
  signEnvelope,
  signProvenance,
  verifyEnvelope,
  verifyProvenance,
} from './index.js';
import type { Envelope, ProvenanceOptions } from './index.js';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('pre-authentication encoding', () => {
  it('is that of the DSSE specification', () => {
    const pae = preAuthenticationEncoding('http://example.com/HelloWorld', encode('hello world'));
    expect(decode(pae)).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    expect(decode(preAuthenticationEncoding('', new Uint8Array()))).toBe('DSSEv1 0  0 ');
  });

  it('can be read back in one way only: nothing moves between type and body', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array(), (type, body) => {
        const pae = Buffer.from(preAuthenticationEncoding(type, body));
        expect(pae.subarray(0, 7).toString()).toBe('DSSEv1 ');
        const first = pae.indexOf(' ', 7);
        const typeEnd = first + 1 + Number(pae.subarray(7, first).toString());
        expect(pae.subarray(first + 1, typeEnd).toString()).toBe(type);
        const second = pae.indexOf(' ', typeEnd + 1);
        expect(Number(pae.subarray(typeEnd + 1, second).toString())).toBe(body.length);
        expect(new Uint8Array(pae.subarray(second + 1))).toEqual(body);
      }),
      { numRuns: 200 },
    );
  });
});

describe('envelope', () => {
  it('accepts the signature that the specification gives', () => {
    const coordinate = (decimal: string) =>
      Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
    const key = createPublicKey({
      format: 'jwk',
      key: {
        kty: 'EC',
        crv: 'P-256',
        x: coordinate('46950820868899156662930047687818585632848591499744589407958293238635476079160'),
        y: coordinate('5640078356564379163099075877009565129882514886557779369047442380624545832820'),
      },
    });
    const envelope = {
      payload: 'aGVsbG8gd29ybGQ=',
      payloadType: 'http://example.com/HelloWorld',
      signatures: [{ sig: 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==' }],
    };
    const publicKeys = [key.export({ format: 'pem', type: 'spki' }).toString()];
    expect(decode(verifyEnvelope(envelope, { publicKeys }).payload)).toBe('hello world');
    const other = { ...envelope, payloadType: 'http://example.com/HelloWorle' };
    expect(() => verifyEnvelope(other, { publicKeys })).toThrow(expect.objectContaining({ code: 'envelope-unsigned' }));
  });

  it.each(['ed25519', 'ecdsa-p256'] as const)('signs and verifies with %s', (algorithm) => {
    const signer = importEnvelopeSigner(createEnvelopeSigner(algorithm).exportPrivatePem());
    expect(signer.algorithm).toBe(algorithm);
    const envelope = signEnvelope({ payloadType: 'text/x-test', payload: encode('body'), signers: [signer] });
    const verified = verifyEnvelope(JSON.parse(JSON.stringify(envelope)), { publicKeys: [signer.publicKeyPem] });
    expect(verified).toEqual({ payload: encode('body'), payloadType: 'text/x-test', keyids: [signer.keyid] });
    const wrong = [createEnvelopeSigner(algorithm).publicKeyPem];
    expect(() => verifyEnvelope(envelope, { publicKeys: wrong })).toThrow(
      expect.objectContaining({ code: 'envelope-unsigned' }),
    );
    expect(() => verifyEnvelope(envelope, { publicKeys: [] })).toThrow(
      expect.objectContaining({ code: 'envelope-unsigned' }),
    );
  });

  it('refuses a changed payload, type or signature', () => {
    const signer = createEnvelopeSigner();
    const publicKeys = [signer.publicKeyPem];
    const envelope = signEnvelope({ payloadType: 't', payload: encode('body'), signers: [signer] });
    const [signature] = envelope.signatures;
    const cut = Buffer.from(signature!.sig, 'base64').subarray(1).toString('base64');
    const changes: Partial<Envelope>[] = [
      { payload: Buffer.from('bodz').toString('base64') },
      { payloadType: 'u' },
      { signatures: [{ sig: cut }] },
      { signatures: [{ sig: '' }] },
    ];
    for (const change of changes) {
      expect(() => verifyEnvelope({ ...envelope, ...change }, { publicKeys })).toThrow(
        expect.objectContaining({ code: 'envelope-unsigned' }),
      );
    }
  });

  it('counts keys, not signatures, and does not believe key ids', () => {
    const [a, b] = [createEnvelopeSigner(), createEnvelopeSigner('ecdsa-p256')];
    const publicKeys = [a.publicKeyPem, b.publicKeyPem];
    const sign = (signers: (typeof a)[]) => signEnvelope({ payloadType: 't', payload: encode('x'), signers });
    expect(verifyEnvelope(sign([a, b]), { publicKeys, threshold: 2 }).keyids).toHaveLength(2);
    expect(() => verifyEnvelope(sign([b, b]), { publicKeys, threshold: 2 })).toThrow(
      expect.objectContaining({ code: 'envelope-unsigned' }),
    );
    expect(() => verifyEnvelope(sign([a]), { publicKeys: [a.publicKeyPem, a.publicKeyPem], threshold: 2 })).toThrow(
      expect.objectContaining({ code: 'envelope-unsigned' }),
    );
    const mislabelled = { ...sign([a]), signatures: sign([a]).signatures.map(({ sig }) => ({ sig, keyid: b.keyid })) };
    expect(verifyEnvelope(mislabelled, { publicKeys }).keyids).toEqual([a.keyid]);
    expect(() => verifyEnvelope(sign([a]), { publicKeys, threshold: 0 })).toThrow(
      expect.objectContaining({ code: 'input-invalid' }),
    );
    expect(() => sign([])).toThrow(expect.objectContaining({ code: 'input-invalid' }));
  });

  it('reads both kinds of base64 and refuses what is neither', () => {
    const signer = createEnvelopeSigner();
    const payload = new Uint8Array([0xfb, 0xff, 0xfe, 0x3e]);
    const envelope = signEnvelope({ payloadType: 't', payload, signers: [signer] });
    const urlSafe = { ...envelope, payload: Buffer.from(payload).toString('base64url') };
    expect(verifyEnvelope(urlSafe, { publicKeys: [signer.publicKeyPem] }).payload).toEqual(payload);
    for (const bad of ['%%%', 'a', 'YQ==\n!']) {
      expect(() => verifyEnvelope({ ...envelope, payload: bad }, { publicKeys: [signer.publicKeyPem] })).toThrow(
        expect.objectContaining({ code: 'envelope-malformed' }),
      );
    }
  });

  it('refuses what is no envelope, naming the fields', () => {
    for (const bad of [null, [], 'x', {}, { payload: 'YQ==', payloadType: 't', signatures: [] }]) {
      expect(() => verifyEnvelope(bad, { publicKeys: [] })).toThrow(
        expect.objectContaining({ code: 'envelope-malformed' }),
      );
    }
    expect(() => verifyEnvelope({}, { publicKeys: [] })).toThrow(/payload.*payloadType.*signatures/);
    expect(() => importEnvelopeSigner('nonsense')).toThrow(expect.objectContaining({ code: 'key-malformed' }));
  });
});

describe('provenance', () => {
  const options: ProvenanceOptions = {
    kind: 'compress',
    subjects: [{ name: 'digits-student-int8.onnx', digest: digest('model') }],
    dataset: { name: 'digits', digest: digest('data') },
    parents: [{ name: 'digits-student.onnx', digest: digest('parent') }],
    training: { epochs: 3, seed: 7, learningRate: 0.001 },
    recipe: { passes: ['fold', 'quantize'] },
    builder: { id: 'urn:verge:worker:test', version: { verge: '0.1.0' } },
    invocationId: 'job-1',
    startedOn: new Date('2030-01-01T00:00:00Z'),
    finishedOn: new Date('2030-01-01T00:01:00Z'),
  };

  it('is an in-toto statement with a SLSA predicate', () => {
    expect(createProvenance(options)).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'digits-student-int8.onnx', digest: { sha256: digest('model').slice(7) } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: 'urn:verge:build:compress:v1',
          externalParameters: { training: options.training, recipe: options.recipe },
          internalParameters: {},
          resolvedDependencies: [
            { name: 'digits', digest: { sha256: digest('data').slice(7) }, annotations: { role: 'dataset' } },
            {
              name: 'digits-student.onnx',
              digest: { sha256: digest('parent').slice(7) },
              annotations: { role: 'parent' },
            },
          ],
        },
        runDetails: {
          builder: { id: 'urn:verge:worker:test', version: { verge: '0.1.0' } },
          metadata: {
            invocationId: 'job-1',
            startedOn: '2030-01-01T00:00:00.000Z',
            finishedOn: '2030-01-01T00:01:00.000Z',
          },
        },
      },
    });
  });

  it('is signed, verified and bound to the artifact', () => {
    const signer = createEnvelopeSigner();
    const publicKeys = [signer.publicKeyPem];
    const envelope = signProvenance(createProvenance(options), [signer]);
    expect(envelope.payloadType).toBe('application/vnd.in-toto+json');
    const { statement } = verifyProvenance(envelope, { publicKeys, subjectDigest: digest('model') });
    expect(statement).toEqual(createProvenance(options));
    expect(() => verifyProvenance(envelope, { publicKeys, subjectDigest: digest('another model') })).toThrow(
      expect.objectContaining({ code: 'statement-other-subject' }),
    );
  });

  it('refuses a payload that is signed but not a statement', () => {
    const signer = createEnvelopeSigner();
    const publicKeys = [signer.publicKeyPem];
    for (const body of ['{}', 'not json', '{"_type":"https://in-toto.io/Statement/v0.1"}']) {
      const envelope = signEnvelope({
        payloadType: 'application/vnd.in-toto+json',
        payload: encode(body),
        signers: [signer],
      });
      expect(() => verifyProvenance(envelope, { publicKeys })).toThrow(
        expect.objectContaining({ code: 'statement-malformed' }),
      );
    }
    const other = signEnvelope({ payloadType: 'text/plain', payload: encode('{}'), signers: [signer] });
    expect(() => verifyProvenance(other, { publicKeys })).toThrow(
      expect.objectContaining({ code: 'envelope-malformed' }),
    );
  });

  it('names every bad field at once', () => {
    const bad = { ...options, subjects: [{ name: '', digest: 'md5:x' }], builder: { id: 'no uri' } };
    expect(() => createProvenance(bad)).toThrow(
      expect.objectContaining({ code: 'input-invalid', message: expect.stringMatching(/name.*digest.*builder/) }),
    );
  });
});
