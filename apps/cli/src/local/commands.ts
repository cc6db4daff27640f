/** The verbs that need no server. What each needs is loaded when it runs, so that the others start fast. */
import { DatasetFormat, QualityTask } from '@verge/contracts';
import { Argument, type Command, Option } from 'commander';
import { number } from '../command.js';
import { createOutput } from '../output.js';
import { searchBudgetOptions } from '../search-budget.js';
import type { BenchmarkArguments } from './benchmark.js';
import type { CompressArguments } from './compress.js';
import type { EvaluateArguments } from './evaluate.js';
import { graphCommands, INPUT, numbers, STRICT } from './graph-commands.js';
import { gathered } from './input-option.js';
import { packCommands } from './pack-commands.js';
import type { DocumentName } from './schema.js';
import type { TargetsArguments } from './targets.js';
import type { TrainArguments } from './train.js';

const whole = (name: string, max = Infinity) => number(name, { min: 1, max, integer: true });

/** How a data set is read, where its content does not say. */
function dataOptions(command: Command): Command {
  return command
    .requiredOption(
      '--data <path>',
      'file or folder: IDX, NPZ, NPY, CSV, Parquet, .ts series, folder of images or WAV, or with dataset.json',
    )
    .addOption(new Option('--format <format>', 'recognised when absent').choices(DatasetFormat.options))
    .option('--preprocess <file>', 'declarative preprocessing, JSON or YAML')
    .option(
      '--label-column <columns>',
      'tables: the column that says what is right, a name or an index from 0 (negative: from the end); several of numbers with commas between',
    )
    .addOption(
      new Option('--target-kind <kind>', 'what the target is; found when absent').choices(['class', 'number', 'none']),
    )
    .option(
      '--features <columns>',
      'tables: the columns that are features, with commas between; all but the target when absent',
    )
    .option('--drop <columns>', 'tables: columns that are neither, with commas between')
    .addOption(
      new Option('--layout <axes>', 'arrays: axes of a stored sample; HWC becomes CHW, CT becomes TC').choices([
        'CHW',
        'HWC',
        'TC',
        'CT',
      ]),
    )
    .option('--missing <number>', 'what stands for a missing value', number('--missing', {}))
    .option(
      '--max-unreadable <n>',
      'rows that may be unreadable',
      number('--max-unreadable', { min: 0, integer: true }),
    )
    .option('--split <name>', 'named split; the data set says its own', 'auto');
}

function trainCommand(program: Command): void {
  program
    .command('train')
    .description('train a model from a configuration; with a teacher it distils')
    .requiredOption('--config <file>', 'training configuration, YAML or JSON')
    .requiredOption('--out <dir>', 'where model.onnx, report.json and checkpoints go')
    .option('--resume', 'go on from the last checkpoint in --out')
    .option('--force', 'start over in a folder that is not empty')
    .option(...STRICT)
    .action(async (options: TrainArguments, command: Command) => {
      await (await import('./train.js')).trainVerb(options, command.optsWithGlobals<TrainArguments>().json === true);
    });
}

/** What is said of a model's inputs and outputs where its file leaves it open. */
function portOptions(command: Command): Command {
  const task = new Option('--task <task>', 'what the model is for; found from samples and outputs when absent');
  return command
    .option('--output <name>', 'the output that is judged; chosen by type when absent')
    .addOption(task.choices(QualityTask.options))
    .option(
      '--input <name=array>',
      'array of the NPZ, beside x and y, that goes into this input; may be repeated',
      gathered,
    )
    .option(
      '--fill <input=number>',
      'every element of this input is the number; may be repeated',
      numbers('--fill', false),
    )
    .option('--dim <name=size>', 'size that an input of --fill leaves open; may be repeated', numbers('--dim', true));
}

function compressCommand(program: Command): void {
  const command = portOptions(dataOptions(program.command('compress')))
    .description(
      'compress a model by a recipe, or search for the best that keeps to a budget; measured before and after; exit code 1 when there is none to offer',
    )
    .requiredOption('--model <file>', 'ONNX file')
    .option('--recipe <file>', 'JSON or YAML; variants are searched when absent')
    .requiredOption('--out <dir>', 'where model.onnx and report.json go; a search that was stopped goes on there');
  searchBudgetOptions(command, 'this machine')
    .option('--force', 'replace what an earlier run left in --out')
    .option('--class <name>', "device class; the target's name, or local, when absent")
    .option('--target <name>', 'kind of hardware, as `verge targets` lists them: says what follows of the class')
    .addOption(new Option('--arch <arch>', "this machine's when absent").choices(['x64', 'arm64']))
    .option('--threads <n>', 'intra-op threads on the device', whole('--threads', 256), 1)
    .addOption(new Option('--int8-activation <type>', 'by the architecture when absent').choices(['uint8', 'int8']))
    .option('--vnni', 'the class has 8-bit dot products; looked up on this machine when absent')
    .option('--no-vnni', 'the class has none: on x64 no weights are left whose products could overflow 16 bits')
    .action(async (options: CompressArguments, command: Command) => {
      const { json } = command.optsWithGlobals<CompressArguments>();
      await (await import('./compress.js')).compressVerb(options, json === true);
    });
}

export function localCommands(program: Command): void {
  trainCommand(program);
  compressCommand(program);
  portOptions(dataOptions(program.command('evaluate')))
    .description('quality, latency and memory of a model on data that say what is right')
    .requiredOption('--model <file>', 'ONNX file')
    .addOption(
      new Option('--part <part>', 'test where the data set names its parts, else all').choices([
        'train',
        'validation',
        'test',
        'all',
      ]),
    )
    .option('--threads <n>', 'intra-op threads', whole('--threads', 256), 1)
    .option('--runs <n>', 'timed runs', whole('--runs'), 200)
    .action(async (options: EvaluateArguments, command: Command) => {
      const { json } = command.optsWithGlobals<EvaluateArguments>();
      await (await import('./evaluate.js')).evaluateVerb(options, json === true);
    });
  program
    .command('benchmark')
    .description('latency and memory of a model on synthetic input; sizes that it leaves open are tried, 1 first')
    .requiredOption('--model <file>', 'ONNX file')
    .option('--threads <n>', 'intra-op threads', whole('--threads', 256), 1)
    .option('--runs <n>', 'timed runs', whole('--runs'), 200)
    .option('--warmup <n>', 'untimed runs before', number('--warmup', { min: 0, integer: true }), 10)
    .option(
      '--dim <name=size>',
      'size of an open dimension, of input x also x[0]=size; may be repeated',
      numbers('--dim', true),
    )
    .option('--input <name=what>', INPUT, gathered)
    .action(async (options: BenchmarkArguments, command: Command) => {
      const { json } = command.optsWithGlobals<BenchmarkArguments>();
      await (await import('./benchmark.js')).benchmarkVerb(options, json === true);
    });
  program
    .command('targets')
    .description(
      'kinds of hardware with their rules, and what a model breaks of them; exit code 1 when the named one refuses it',
    )
    .argument('[target]', 'one of them; all when absent')
    .option('--model <file>', 'ONNX file')
    .action(async (name: string | undefined, options: TargetsArguments, command: Command) => {
      const { json } = command.optsWithGlobals<TargetsArguments>();
      await (await import('./targets.js')).targetsVerb(name, options, json === true);
    });
  graphCommands(program);
  packCommands(program);
  program
    .command('schema')
    .description('JSON Schema of a document that people write')
    .addArgument(new Argument('<document>').choices(['training-config', 'recipe', 'preprocess']))
    .action(async (name: DocumentName, _options: unknown, command: Command) => {
      const schema = (await import('./schema.js')).documentSchema(name);
      const output = createOutput(command.optsWithGlobals<{ json?: boolean }>().json === true);
      output.result(schema, () => JSON.stringify(schema, null, 2));
    });
}
