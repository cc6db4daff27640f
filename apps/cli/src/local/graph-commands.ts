/** The verbs that look at graphs and change them. */
import type { Command } from 'commander';
import { number } from '../command.js';
import { CliError } from '../errors.js';
import type { ConvertArguments } from './convert.js';
import type { ExtractArguments } from './extract.js';
import { gathered } from './input-option.js';
import type { InspectArguments } from './inspect.js';
import type { PartitionArguments } from './partition.js';
import type { SimplifyArguments } from './simplify.js';

/** What `--input` takes, in a verb that makes inputs up. */
export const INPUT = 'shape such as 1x3x224x224, or a .npy or .npz file, of an input; may be repeated';

const TOLERANCE =
  "relative to an output's largest number; 1e-4 when absent, what roundings explain in a model of halves";

const whole = (name: string, max = Infinity) => number(name, { min: 1, max, integer: true });

/** A repeatable option `name=number`. */
export function numbers(option: string, integer: boolean) {
  return (text: string, previous: Record<string, number> = {}): Record<string, number> => {
    const at = text.lastIndexOf('=');
    const name = text.slice(0, Math.max(at, 0));
    if (name === '') throw new CliError('usage', `${option} expects name=number, not '${text}'`);
    const value = integer ? whole(option)(text.slice(at + 1)) : number(option, {})(text.slice(at + 1));
    return { ...previous, [name]: value };
  };
}

export const STRICT = [
  '--strict',
  'refuses a model that breaks a rule or declares what does not hold, instead of repairing it',
] as const;

function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('inputs, outputs, operators, parameters, work and layers of a model; draws its graph')
    .requiredOption('--model <file>', 'ONNX file')
    .option('--dim <name=size>', 'size of a symbolic dimension, 1 when absent; may be repeated', numbers('--dim', true))
    .option('--html <file>', 'writes a page with the graph to zoom and a table of layers')
    .option('--svg <file>', 'writes the graph as a picture')
    .option('--measure', 'runs the model to find types and sizes of what unknown operators give')
    .option(...STRICT)
    .action(async (options: InspectArguments, command: Command) => {
      const { json } = command.optsWithGlobals<InspectArguments>();
      await (await import('./inspect.js')).inspectVerb(options, json === true);
    });
}

function simplifyCommand(program: Command): void {
  program
    .command('simplify')
    .description('a smaller graph that gives the same numbers, checked on random inputs')
    .requiredOption('--model <file>', 'ONNX file')
    .requiredOption('--out <file>', 'where the simplified model goes')
    .option('--dim <name=size>', 'freezes a symbolic dimension; may be repeated', numbers('--dim', true))
    .option('--no-fuse', 'leaves out what moves roundings: the numbers stay the same bit for bit')
    .option(
      '--for-inference',
      'for ONNX Runtime, not to be trained: equal parameters become one, those that change nothing go, attention is one node',
    )
    .option('--verify <n>', 'sets of random inputs; 0 checks nothing', number('--verify', { min: 0, integer: true }), 3)
    .option('--seed <n>', 'of the random inputs', number('--seed', { min: 0, integer: true }), 1)
    .option('--tolerance <x>', TOLERANCE, number('--tolerance', { min: 0 }))
    .option(
      '--verify-dim <name=size>',
      'size of an open dimension in the check alone, of input x also x[0]=size; sizes are tried when absent; may be repeated',
      numbers('--verify-dim', true),
    )
    .option(
      '--fill <input=number>',
      'in the check every element of this input is the number, say sr=16000; may be repeated',
      numbers('--fill', false),
    )
    .option('--input <name=what>', `in the check: ${INPUT}`, gathered)
    .option(...STRICT)
    .action(async (options: SimplifyArguments, command: Command) => {
      const { json } = command.optsWithGlobals<SimplifyArguments>();
      await (await import('./simplify.js')).simplifyVerb(options, json === true);
    });
}

function partitionCommand(program: Command): void {
  program
    .command('partition')
    .description('cuts a model into consecutive stages of equal cost with little traffic between them')
    .requiredOption('--model <file>', 'ONNX file')
    .requiredOption('--stages <n>', 'how many', whole('--stages', 1024))
    .requiredOption('--out <dir>', 'where stage-1.onnx and so on and stages.json go')
    .option('--force', 'replace what an earlier run left in --out')
    .option(
      '--dim <name=size>',
      'size of an open dimension for the costs; when absent 1, with --measure the first that runs; may be repeated',
      numbers('--dim', true),
    )
    .option(
      '--slack <x>',
      'share by which the dearest stage may grow to save traffic',
      number('--slack', { min: 0 }),
      0.05,
    )
    .option('--costs <file>', 'measured costs: a JSON object of numbers by node name')
    .option('--measure <runs>', 'times every node here, on random inputs', whole('--measure'))
    .option(
      '--fill <input=number>',
      'with --measure every element of this input is the number; may be repeated',
      numbers('--fill', false),
    )
    .option('--input <name=what>', `with --measure: ${INPUT}`, gathered)
    .option(...STRICT)
    .action(async (options: PartitionArguments, command: Command) => {
      const { json } = command.optsWithGlobals<PartitionArguments>();
      await (await import('./partition.js')).partitionVerb(options, json === true);
    });
}

/** Names, separated by commas, in an option that may be repeated. */
const names = (text: string, previous: readonly string[] = []): string[] => [
  ...previous,
  ...text.split(',').filter((name) => name !== ''),
];

/** What inputs a check makes up. */
const madeUp = (command: Command): Command =>
  command
    .option(
      '--dim <name=size>',
      'in the check: size of an open dimension, of input x also x[0]=size; may be repeated',
      numbers('--dim', true),
    )
    .option('--input <name=what>', `in the check: ${INPUT}`, gathered)
    .option(
      '--fill <input=number>',
      'in the check every element of this input is the number; may be repeated',
      numbers('--fill', false),
    );

function extractCommand(program: Command): void {
  const command = program
    .command('extract')
    .description('a part of a model, named by the values at its edges, as a model of its own; checked by running both')
    .requiredOption('--model <file>', 'ONNX file')
    .requiredOption('--out <file>', 'where the part goes')
    .option(
      '--from <names>',
      'values that become inputs, with commas between; the inputs of the model when absent',
      names,
    )
    .option(
      '--to <names>',
      'values that become outputs, with commas between; the outputs of the model when absent',
      names,
    )
    .option('--no-verify', 'does not run anything')
    .option(...STRICT);
  madeUp(command).action(async (options: ExtractArguments, own: Command) => {
    const { json } = own.optsWithGlobals<ExtractArguments>();
    await (await import('./extract.js')).extractVerb(options, json === true);
  });
}

function convertCommand(program: Command): void {
  const command = program
    .command('convert')
    .description('a model in another operator set, up or down; checked by running both on random inputs')
    .requiredOption('--model <file>', 'ONNX file')
    .requiredOption('--opset <n>', 'version of the default operator set', whole('--opset', 99))
    .requiredOption('--out <file>', 'where the converted model goes')
    .option('--output <names>', 'keeps these outputs alone, with commas between', names)
    .option('--verify <n>', 'sets of random inputs; 0 checks nothing', number('--verify', { min: 0, integer: true }), 3)
    .option('--seed <n>', 'of the random inputs', number('--seed', { min: 0, integer: true }), 1)
    .option('--tolerance <x>', TOLERANCE, number('--tolerance', { min: 0 }))
    .option(...STRICT);
  madeUp(command).action(async (options: ConvertArguments, own: Command) => {
    const { json } = own.optsWithGlobals<ConvertArguments>();
    await (await import('./convert.js')).convertVerb(options, json === true);
  });
}

export function graphCommands(program: Command): void {
  inspectCommand(program);
  simplifyCommand(program);
  partitionCommand(program);
  extractCommand(program);
  convertCommand(program);
}
