/** `verge-control-plane backup FOLDER`, `verge-control-plane restore FOLDER [--at NAME]`. */
import { parseArgs } from 'node:util';
import { parseConfig } from '../config.js';
import { ControlPlaneError } from '../errors.js';
import { createLogger } from '../log.js';
import { backUp, restore, type Task } from './backup.js';

export const usage = `verge-control-plane                            serves
verge-control-plane backup FOLDER              adds a backup to a folder; the control plane may run meanwhile
verge-control-plane restore FOLDER [--at NAME] restores the newest one, or that of a name, into an empty database

The environment says what is backed up and where to it is restored: VERGE_DATA_DIR, DATABASE_URL, S3_... .
`;

const EXIT_INTERRUPTED = 130;

/** @throws ControlPlaneError CONFIG_INVALID naming what was expected; BACKUP_INVALID, RESTORE_REFUSED */
export async function runCommand(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { verb, folder, at } = read(args);
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const config = parseConfig(env);
  const tell = (line: string): void => void process.stderr.write(`  ${line}\n`);
  const task: Task = { config, folder, tell, signal: interrupted.signal, log: createLogger('warn') };
  try {
    if (verb === 'backup') process.stdout.write(`backed up: ${await backUp(task)}\n`);
    else process.stdout.write(`restored: what was there at ${(await restore(task, at)).at}\n`);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    process.stderr.write(`verge-control-plane: interrupted; nothing is half done, run it again\n`);
    process.exitCode = EXIT_INTERRUPTED;
  }
}

function read(args: readonly string[]): { verb: 'backup' | 'restore'; folder: string; at: string | undefined } {
  const invalid = (problem: string): ControlPlaneError =>
    new ControlPlaneError('CONFIG_INVALID', `${problem}\n\n${usage}`);
  let parsed: { values: { at?: string | undefined }; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options: { at: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    throw invalid((error as Error).message);
  }
  const [verb, folder, ...more] = parsed.positionals;
  const { at } = parsed.values;
  if (verb !== 'backup' && verb !== 'restore') throw invalid(`expected backup or restore, got '${verb ?? ''}'`);
  if (folder === undefined) throw invalid(`${verb}: expected a folder`);
  if (more.length > 0) throw invalid(`${verb}: expected one folder, got also '${more.join(' ')}'`);
  if (verb === 'backup' && at !== undefined) throw invalid('backup: --at is of restore');
  return { verb, folder, at };
}
