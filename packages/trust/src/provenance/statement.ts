import { z } from 'zod';
import { refuseBad, TrustError } from '../errors.js';
import type { Envelope } from './envelope.js';
import { signEnvelope, verifyEnvelope } from './envelope.js';
import type { EnvelopeSigner } from './keys.js';

/** envelope payload type of in-toto attestations. */
export const inTotoPayloadType = 'application/vnd.in-toto+json';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** in-toto ResourceDescriptor v1: something named by its digest. */
const ResourceDescriptor = z.looseObject({
  name: z.string().optional(),
  uri: z.string().optional(),
  digest: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});

/** in-toto Statement v1 with a SLSA provenance v1 predicate. Unknown fields are kept, as the specification asks. */
const Statement = z.looseObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z.array(z.looseObject({ name: z.string(), digest: z.record(z.string(), z.string()) })).min(1),
  predicateType: z.literal('https://slsa.dev/provenance/v1'),
  predicate: z.looseObject({
    buildDefinition: z.looseObject({
      buildType: z.string(),
      externalParameters: z.record(z.string(), z.unknown()),
      internalParameters: z.record(z.string(), z.unknown()).optional(),
      resolvedDependencies: z.array(ResourceDescriptor).optional(),
    }),
    runDetails: z.looseObject({
      builder: z.looseObject({ id: z.string(), version: z.record(z.string(), z.string()).optional() }),
      metadata: z
        .looseObject({
          invocationId: z.string().optional(),
          startedOn: z.string().optional(),
          finishedOn: z.string().optional(),
        })
        .optional(),
      byproducts: z.array(ResourceDescriptor).optional(),
    }),
  }),
});
export type Statement = z.infer<typeof Statement>;

/** A named blob; `digest` is `sha256:<hex>`. */
export interface NamedDigest {
  name: string;
  digest: string;
}

/** How a model came to be; each is documented by the parameters that it takes. */
export type BuildKind = 'train' | 'distil' | 'compress' | 'import';

export interface ProvenanceOptions {
  kind: BuildKind;
  /** What was made: the model file, or an artifact's manifest. */
  subjects: readonly NamedDigest[];
  /** The data that it was trained or calibrated on. */
  dataset?: NamedDigest;
  /** The models that it was made from: a teacher, or the model that was compressed. */
  parents?: readonly NamedDigest[];
  /** The training configuration as it was given. */
  training?: JsonValue;
  /** The compression recipe as it was given. */
  recipe?: JsonValue;
  /** Who ran it: a URI that names the worker's deployment. */
  builder: { id: string; version?: Record<string, string> };
  invocationId?: string;
  startedOn?: Date;
  finishedOn?: Date;
}

/**
 * Writes down how a model was made, in terms that SLSA tools read: configuration and recipe are external parameters, the
 * data set and the parents are resolved dependencies.
 * @throws TrustError `input-invalid`
 */
export function createProvenance(options: ProvenanceOptions): Statement {
  checkProvenance(options);
  const { training, recipe, dataset, parents = [], builder } = options;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: options.subjects.map(({ name, digest }) => ({ name, digest: digestSet(digest) })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: `urn:verge:build:${options.kind}:v1`,
        externalParameters: {
          ...(training === undefined ? {} : { training }),
          ...(recipe === undefined ? {} : { recipe }),
        },
        internalParameters: {},
        resolvedDependencies: [
          ...(dataset ? [dependency(dataset, 'dataset')] : []),
          ...parents.map((parent) => dependency(parent, 'parent')),
        ],
      },
      runDetails: {
        builder: { id: builder.id, ...(builder.version ? { version: builder.version } : {}) },
        metadata: {
          ...(options.invocationId === undefined ? {} : { invocationId: options.invocationId }),
          ...(options.startedOn ? { startedOn: options.startedOn.toISOString() } : {}),
          ...(options.finishedOn ? { finishedOn: options.finishedOn.toISOString() } : {}),
        },
      },
    },
  };
}

function dependency({ name, digest }: NamedDigest, role: 'dataset' | 'parent') {
  return { name, digest: digestSet(digest), annotations: { role } };
}

const digestPattern = /^sha256:([0-9a-f]{64})$/;

/** in-toto DigestSet: algorithm to hex. */
function digestSet(digest: string): { sha256: string } {
  return { sha256: digest.slice('sha256:'.length) };
}

function checkProvenance(options: ProvenanceOptions): void {
  const bad: string[] = [];
  if (options.subjects.length === 0) bad.push('subjects: expected at least one');
  const named: [string, NamedDigest][] = [
    ...options.subjects.map((item, index): [string, NamedDigest] => [`subjects[${index}]`, item]),
    ...(options.dataset ? [['dataset', options.dataset] as [string, NamedDigest]] : []),
    ...(options.parents ?? []).map((item, index): [string, NamedDigest] => [`parents[${index}]`, item]),
  ];
  for (const [at, { name, digest }] of named) {
    if (name === '') bad.push(`${at}.name: expected a name`);
    if (!digestPattern.test(digest)) bad.push(`${at}.digest: expected sha256:<64 lower-case hex digits>`);
  }
  if (!URL.canParse(options.builder.id)) bad.push('builder.id: expected a URI');
  refuseBad('provenance', bad);
}

/** Signs a statement; the envelope carries its exact bytes. */
export function signProvenance(statement: Statement, signers: readonly EnvelopeSigner[]): Envelope {
  const payload = new TextEncoder().encode(JSON.stringify(statement));
  return signEnvelope({ payloadType: inTotoPayloadType, payload, signers });
}

/**
 * Checks a provenance envelope and, if asked, that it speaks of the artifact at hand.
 * @throws TrustError `statement-malformed`, `statement-other-subject`, and those of `verifyEnvelope`
 */
export function verifyProvenance(
  envelope: unknown,
  options: { publicKeys: readonly string[]; threshold?: number; subjectDigest?: string },
): { statement: Statement; keyids: string[] } {
  const { payload, keyids } = verifyEnvelope(envelope, { ...options, payloadType: inTotoPayloadType });
  const statement = parseStatement(payload);
  const { subjectDigest } = options;
  if (
    subjectDigest !== undefined &&
    !statement.subject.some(({ digest }) => `sha256:${digest['sha256']}` === subjectDigest)
  ) {
    throw new TrustError('statement-other-subject', `the statement does not speak of ${subjectDigest}`);
  }
  return { statement, keyids };
}

function parseStatement(payload: Uint8Array): Statement {
  try {
    const result = Statement.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)));
    if (result.success) return result.data;
    const bad = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new TrustError('statement-malformed', `statement: ${bad.join('; ')}`, { cause: result.error });
  } catch (error) {
    if (error instanceof TrustError) throw error;
    throw new TrustError('statement-malformed', 'the payload is not JSON', { cause: error });
  }
}
