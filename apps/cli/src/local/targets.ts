/** `verge targets`: the kinds of hardware that are known, and what a model breaks of one's rules. */
import { checkTarget, type Finding, type Target, targetNamed, targets } from '@verge/compression';
import { normalise } from '@verge/onnx';
import { CliError } from '../errors.js';
import { createOutput, fields, table } from '../output.js';
import { loadModel, openModelFile } from './model-file.js';

export interface TargetsArguments {
  model?: string;
  json?: boolean;
}

/** A target as JSON: its rules without the code that checks them. */
const described = ({ rules, ...target }: Target) => ({
  ...target,
  rules: rules.map(({ name, consequence, requires, source }) => ({ name, consequence, requires, source })),
});

/** uint8 x int8 products are added in 16 bits there. */
const saturates = ({ device }: Target): boolean => device.int8Activation === 'uint8' && !device.vnni;

const overview = (): string =>
  table(
    ['target', 'what', 'int8', 'block', 'float16', 'latency', '>rules'],
    targets.map((t) => [
      t.name,
      t.title,
      `${t.device.int8Activation}${saturates(t) ? ', 16-bit sums' : ''}`,
      String(t.block),
      t.float16,
      t.latency,
      String(t.rules.length),
    ]),
  );

function about(target: Target): string {
  const { device } = target;
  return [
    fields([
      ['target', target.name],
      ['what', target.title],
      ['executor', target.executor],
      [
        'class',
        `${device.arch}, ${device.int8Activation} activations, ${device.vnni ? 'with' : 'without'} 8-bit dot products`,
      ],
      ['block', `${target.block} channels`],
      ['float16', target.float16],
      ['latency', target.latency],
    ]),
    '',
    target.rules.length === 0
      ? 'no rules'
      : table(
          ['rule', 'else', 'a model has to be so', 'said in'],
          target.rules.map((r) => [r.name, r.consequence, r.requires, r.source]),
        ),
  ].join('\n');
}

const findingsText = (findings: readonly Finding[], target: Target): string =>
  findings.length === 0
    ? `breaks none of the ${target.rules.length} rules of ${target.name}`
    : table(
        ['rule', 'else', 'node', 'why'],
        findings.map((f) => [f.rule, f.consequence, f.node, f.reason]),
      );

/** Rules broken by each target, when a model is given without one. */
function everyTarget(found: readonly { target: string; findings: readonly Finding[] }[]): string {
  const counts = (findings: readonly Finding[]): string => {
    const byRule = new Map<string, { consequence: string; count: number }>();
    for (const { rule, consequence } of findings)
      byRule.set(rule, { consequence, count: (byRule.get(rule)?.count ?? 0) + 1 });
    return [...byRule].map(([rule, { consequence, count }]) => `${rule} (${consequence}): ${count}`).join('; ') || '-';
  };
  return table(
    ['target', 'broken rules, and at how many places'],
    found.map(({ target, findings }) => [target, counts(findings)]),
  );
}

/**
 * Without a model, the targets or one of them; with a model, what it breaks.
 *
 * @throws CliError `failed` after the answer, where the one target that is named refuses the model
 */
export async function targetsVerb(name: string | undefined, options: TargetsArguments, json: boolean): Promise<void> {
  const output = createOutput(json);
  const target = name === undefined ? null : targetNamed(name);
  if (options.model === undefined) {
    if (target) output.result(described(target), () => about(target));
    else output.result({ targets: targets.map(described) }, overview);
    return;
  }
  const { model } = normalise(await loadModel(await openModelFile(options.model)));
  if (!target) {
    const found = targets.map((t) => ({ target: t.name, findings: checkTarget(model, t) }));
    output.result({ model: options.model, targets: found }, () => everyTarget(found));
    return;
  }
  const findings = checkTarget(model, target);
  output.result({ model: options.model, target: target.name, findings }, () => findingsText(findings, target));
  const refused = findings.filter((f) => f.consequence === 'refused');
  if (refused.length > 0) {
    const reasons = refused.map((f) => `${f.node}: ${f.reason}`);
    throw new CliError('failed', `${target.title} refuses this model`, reasons, {
      reason: 'target-refuses',
      answered: true,
    });
  }
}
