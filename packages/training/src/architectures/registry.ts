/** The built-in architectures by name. */
import { Initialisation } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { refuse, TrainingError } from '../errors.js';
import type { InitialisationRule } from '../initialisation.js';
import { autoencoder, convAutoencoder } from './autoencoder.js';
import { cnn } from './cnn.js';
import { dcganDiscriminator, dcganGenerator } from './dcgan.js';
import { dscnn } from './dscnn.js';
import { lenet } from './lenet.js';
import { lenet5 } from './lenet5.js';
import { mlp } from './mlp.js';
import { mobilenetv1 } from './mobilenetv1.js';
import { mobilenetv2 } from './mobilenetv2.js';
import { complaint, inputKinds, type Architecture, type ParamValue, type Params } from './params.js';
import { forecaster, recurrent } from './recurrent.js';
import { resnet, resnetOf } from './resnet.js';
import { tcn } from './tcn.js';
import { transformer } from './transformer.js';

export const architectures: Readonly<Record<string, Architecture>> = {
  mlp,
  lenet,
  lenet5,
  cnn,
  resnet,
  resnet8: resnetOf(8),
  resnet20: resnetOf(20),
  resnet56: resnetOf(56),
  mobilenetv1,
  mobilenetv2,
  dscnn,
  autoencoder,
  'conv-autoencoder': convAutoencoder,
  tcn,
  recurrent,
  forecaster,
  transformer,
  'dcgan-generator': dcganGenerator,
  'dcgan-discriminator': dcganDiscriminator,
};

export interface ArchitectureOptions {
  /** Shape of one sample: [channels, height, width], [steps, channels] or what else the architecture reads. */
  readonly input: readonly number[];
  readonly classes: number;
  /** Parameters of the architecture; those left out have their defaults. */
  readonly params?: Readonly<Record<string, ParamValue>>;
  /** How weights are drawn; `default`, also when absent, is what suits the architecture (`defaultInitialisation`). */
  readonly init?: Initialisation;
}

/** What `default` stands for where an architecture does not say otherwise. */
const usual: InitialisationRule = 'he-glorot';

function architectureOf(name: string): Architecture | undefined {
  return Object.hasOwn(architectures, name) ? architectures[name] : undefined;
}

const unknown = (name: string): string =>
  `no architecture is called '${name}'; there are ${Object.keys(architectures).join(', ')}`;

/**
 * The rule that `default` stands for.
 * @throws TrainingError `unknown-architecture` naming those that exist
 */
export function defaultInitialisation(name: string): InitialisationRule {
  const architecture = architectureOf(name);
  if (!architecture) throw new TrainingError('unknown-architecture', unknown(name));
  return architecture.init ?? usual;
}

/** What is wrong with parameters, by parameter. */
function badParams(architecture: Architecture, params: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(params).flatMap(([key, value]) => {
    const param = Object.hasOwn(architecture.params, key) ? architecture.params[key] : undefined;
    if (!param) return [`${key}: no such parameter; there are ${Object.keys(architecture.params).join(', ')}`];
    const expected = complaint(param, value);
    return expected ? [`${key}: expected ${expected}`] : [];
  });
}

/**
 * What can be said against an architecture's name and parameters before there are samples: fields of a configuration's `model`,
 * each with what was expected. Empty where a network can be built for samples that suit it.
 */
export function architectureProblems(name: string, params: Readonly<Record<string, unknown>> = {}): string[] {
  const architecture = architectureOf(name);
  if (!architecture) return [`architecture: ${unknown(name)}`];
  return badParams(architecture, params).map((problem) => `params.${problem}`);
}

/**
 * Builds a network with freshly drawn weights: `input` float32 ['N', ...input] to logits float32 ['N', classes], unless the
 * architecture says otherwise (auto-encoders, the generator).
 * @param seed same seed and initialisation, same weights
 * @throws TrainingError `unknown-architecture` naming those that exist, `bad-options` naming every bad parameter
 */
export function buildArchitecture(name: string, options: ArchitectureOptions, seed = 1): Model {
  const architecture = architectureOf(name);
  if (!architecture) throw new TrainingError('unknown-architecture', unknown(name));
  const { input, classes, params = {}, init = 'default' } = options;
  const problems: string[] = [];
  if (input.length === 0 || input.some((d) => !Number.isInteger(d) || d < 1))
    problems.push('input: expected sizes from 1');
  const { ranks, text } = inputKinds[architecture.input];
  if (ranks && !(ranks as readonly number[]).includes(input.length))
    problems.push(`input: expected ${text}, not [${input.join(', ')}]`);
  if (!Number.isInteger(classes) || classes < 1) problems.push('classes: expected a whole number from 1');
  problems.push(...badParams(architecture, params));
  if (!Initialisation.options.includes(init))
    problems.push(`init: expected one of ${Initialisation.options.join(', ')}`);
  refuse('bad-options', `architecture '${name}'`, problems);
  const rule = init === 'default' ? defaultInitialisation(name) : init;
  return architecture.build(input, classes, reader(architecture, params), { seed, rule });
}

function reader(architecture: Architecture, given: Readonly<Record<string, ParamValue>>): Params {
  const value = (name: string): ParamValue => given[name] ?? architecture.params[name]!.fallback;
  return {
    flag: (name) => value(name) as boolean,
    number: (name) => value(name) as number,
    numbers: (name) => value(name) as readonly number[],
    choice: <T extends string>(name: string) => value(name) as T,
  };
}
