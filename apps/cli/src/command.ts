/** What every fleet command gets: a client, the project, and a way to answer. */
import { type Client, createClient } from '@verge/contracts';
import type { Command } from 'commander';
import { readCredentials } from './credentials.js';
import { CliError } from './errors.js';
import { createOutput, type Output } from './output.js';

export interface GlobalOptions {
  json?: boolean;
  url?: string;
  token?: string;
  project?: string;
}

export interface Remote {
  readonly client: Client;
  readonly output: Output;
  /** Slug of the project; fails with advice when none is chosen. */
  readonly project: string;
  readonly params: { project: string };
}

const chosen = (...values: (string | undefined)[]): string | undefined =>
  values.find((v) => v !== undefined && v !== '');

export async function connect(
  command: Command,
): Promise<{ client: Client; output: Output; project: string | undefined }> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const stored = await readCredentials();
  const baseUrl = chosen(options.url, process.env['VERGE_URL'], stored.url);
  if (!baseUrl) {
    throw new CliError('usage', 'no control plane is named', [
      'log in with: verge login --url URL --email EMAIL',
      'or set VERGE_URL and VERGE_TOKEN',
    ]);
  }
  const token = chosen(options.token, process.env['VERGE_TOKEN'], stored.token);
  const client = createClient({ baseUrl: baseUrl.replace(/\/$/, ''), ...(token ? { token } : {}) });
  return {
    client,
    output: createOutput(options.json === true),
    project: chosen(options.project, process.env['VERGE_PROJECT'], stored.project),
  };
}

/** Wraps a fleet command's body: connects, finds the project, then runs it. */
export function remote<A extends unknown[]>(body: (remote: Remote, ...args: A) => Promise<void>) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    const { client, output, project } = await connect(command);
    if (!project)
      throw new CliError('usage', 'no project is chosen', [
        'choose one with: verge use PROJECT, --project, or VERGE_PROJECT',
      ]);
    await body({ client, output, project, params: { project } }, ...(all.slice(0, -1) as A));
  };
}

/** For commands that take a number of something. @throws CliError naming the option */
export function number(name: string, { min = -Infinity, max = Infinity, integer = false } = {}) {
  return (text: string): number => {
    const value = Number(text);
    if (
      text.trim() === '' ||
      !Number.isFinite(value) ||
      value < min ||
      value > max ||
      (integer && !Number.isInteger(value))
    ) {
      const range = [
        integer ? 'a whole number' : 'a number',
        min > -Infinity ? `>= ${min}` : '',
        max < Infinity ? `<= ${max}` : '',
      ]
        .filter(Boolean)
        .join(' ');
      throw new CliError('usage', `${name}: expected ${range}, got '${text}'`);
    }
    return value;
  };
}

/** Collects a repeated option. */
export const collect = (value: string, previous: string[] = []): string[] => [...previous, value];
