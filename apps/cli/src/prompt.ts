/** Questions at the terminal. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { printableText } from './printable.js';

/** The answer, which is not shown; undefined where nobody can be asked. */
export async function askHidden(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  process.stderr.write(question);
  // What is typed is echoed to the output that readline is given: to nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise((resolve) => {
      reader.question('', resolve);
      reader.once('close', () => resolve(undefined));
    });
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}

/** The answer, without blanks around it; undefined where nobody can be asked. */
export async function askText(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await new Promise<string>((resolve) => {
      reader.question(printableText(question), resolve);
      reader.once('close', () => resolve(''));
    });
    return answer.trim();
  } finally {
    reader.close();
  }
}

/** Whether the answer was a yes; undefined where nobody can be asked. Anything but y and yes is a no. */
export async function askYes(question: string): Promise<boolean | undefined> {
  const answer = await askText(question);
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer);
}
