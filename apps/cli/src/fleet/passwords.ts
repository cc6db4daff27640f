/** Passwords come through standard input or the environment; never as an argument, which other users of the machine can read. */
import { CliError } from '../errors.js';

/** The lines of standard input, without the last line's end. */
export async function linesOfInput(): Promise<string[]> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

export const newPasswordHelp = 'read the new password from standard input (otherwise VERGE_NEW_PASSWORD)';

/** @throws CliError when there is none */
export async function newPassword(fromInput: boolean | undefined): Promise<string> {
  const password = fromInput ? (await linesOfInput())[0] : process.env['VERGE_NEW_PASSWORD'];
  if (password) return password;
  throw new CliError('usage', 'no password', ['pipe it in with --password-stdin, or set VERGE_NEW_PASSWORD']);
}
