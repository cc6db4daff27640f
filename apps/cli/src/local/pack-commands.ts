/** The verbs that make a file small for its way, and whole again. */
import type { Command } from 'commander';
import { number } from '../command.js';
import type { PackArguments, UnpackArguments } from './pack.js';

export function packCommands(program: Command): void {
  program
    .command('pack')
    .description('a model, or any file, as few bytes: weights as gaps and planes, the rest by brotli, or as changes')
    .argument('<file>', 'ONNX file, or any other')
    .requiredOption('--out <file>', 'where the packed file goes')
    .option('--base <file>', 'an earlier version, which is needed again to unpack: only what changed is packed')
    .action(async (file: string, options: PackArguments, command: Command) => {
      const { json } = command.optsWithGlobals<PackArguments>();
      await (await import('./pack.js')).packVerb(file, options, json === true);
    });
  program
    .command('unpack')
    .description('the very file that was packed, by its sha256')
    .argument('<file>', 'what verge pack wrote')
    .requiredOption('--out <file>', 'where the file goes')
    .option('--base <file>', 'the file that it was packed with')
    .option('--max-bytes <n>', 'refuses what would be larger', number('--max-bytes', { min: 0, integer: true }))
    .action(async (file: string, options: UnpackArguments, command: Command) => {
      const { json } = command.optsWithGlobals<UnpackArguments>();
      await (await import('./pack.js')).unpackVerb(file, options, json === true);
    });
}
