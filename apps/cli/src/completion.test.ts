import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { places, shells } from './completion.js';
import { createProgram } from './program.js';
import { verge } from './test-command.js';

const installed = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** What a shell offers after a line; the last word may be begun. */
const ask: Record<(typeof shells)[number], (script: string, line: string) => string[]> = {
  bash: (script, line) => {
    const words = line.split(' ');
    const list = words.map((w) => `'${w}'`).join(' ');
    const tail = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _verge; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', `${script}\n${tail}`], { encoding: 'utf8' })
      .trim()
      .split('\n');
  },
  zsh: (script, line) => {
    const words = line.split(' ');
    const list = words.map((w) => `'${w}'`).join(' ');
    // The options that bashcompinit sets when it calls a bash function.
    const tail = [
      'emulate -L sh; setopt kshglob noshglob braceexpand ksharrays',
      `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _verge; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ].join('; ');
    const whole = `autoload -U +X compinit && compinit -u\n${script}\nasked() { ${tail} }; asked`;
    return execFileSync('zsh', ['-c', whole], { encoding: 'utf8' }).trim().split('\n');
  },
  fish: (script, line) =>
    execFileSync('fish', ['-c', `${script}\ncomplete -C '${line}'`], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((offer) => offer.split('\t')[0] ?? ''),
};

describe.each(shells)('completion for %s', (shell) => {
  if (!installed(shell)) process.stderr.write(`no ${shell} here: its completion script is printed, but not run\n`);

  it.skipIf(!installed(shell))('offers verbs, options and values where each belongs', async () => {
    const { stdout } = await verge('completion', shell);
    const offers = (line: string): string[] => ask[shell](stdout, line);
    expect(offers('verge devi')).toContain('devices');
    expect(offers('verge devices ')).toEqual(expect.arrayContaining(['list', 'show', 'revoke']));
    // Options and their values, and a name, stand between verbs.
    expect(offers('verge --project plant devices list --on')).toContain('--online');
    expect(offers('verge datasets add digits --format ')).toEqual(expect.arrayContaining(['csv', 'wav-folder']));
    expect(offers('verge completion ')).toEqual(expect.arrayContaining([...shells]));
  });
});

it('every verb says what it does', () => {
  const silent = places(createProgram()).flatMap(({ path, verbs }) =>
    verbs.filter((verb) => verb.description === '').map((verb) => `${path} ${verb.name}`.trim()),
  );
  expect(silent).toEqual([]);
});
