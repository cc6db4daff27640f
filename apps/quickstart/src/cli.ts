/** Runs `verge` and `verge-agent` as a user would, in their own processes, and reads their JSON. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export class CommandError extends Error {
  constructor(
    command: string,
    readonly exitCode: number,
    readonly stderr: string,
  ) {
    super(`\`${command}\` ended with ${exitCode}:\n${stderr.trim() || '(it printed nothing)'}`);
    this.name = 'CommandError';
  }
}

export interface CommandOptions {
  env: Record<string, string>;
  input?: string;
  /** Lines of stderr as they come: progress. */
  onProgress?: (line: string) => void;
}

function execute(root: string, bin: string, args: readonly string[], options: CommandOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, bin), ...args], {
      cwd: root,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
      const line = data.toString().trim().split('\n').at(-1);
      if (line) options.onProgress?.(line);
    });
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else
        reject(
          new CommandError([bin.split('/').at(-1)?.replace('.mjs', ''), ...args].join(' '), code ?? 1, stderr + stdout),
        );
    });
  });
}

export interface Commands {
  /** `verge … --json`, its answer parsed. */
  verge<T>(args: readonly string[], options?: Partial<CommandOptions>): Promise<T>;
  agent(args: readonly string[], options?: Partial<CommandOptions>): Promise<string>;
}

export function commands(root: string, env: Record<string, string>): Commands {
  return {
    verge: async <T>(args: readonly string[], options: Partial<CommandOptions> = {}) => {
      const output = await execute(root, 'apps/cli/bin/verge.mjs', [...args, '--json'], {
        ...options,
        env: { ...env, ...options.env },
      });
      return JSON.parse(output) as T;
    },
    agent: (args, options = {}) =>
      execute(root, 'apps/agent/bin/verge-agent.mjs', args, { ...options, env: { ...env, ...options.env } }),
  };
}
