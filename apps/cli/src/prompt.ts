/** A question at the terminal whose answer is not shown. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** The answer; undefined where nobody can be asked. */
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
