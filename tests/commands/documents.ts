/** The commands that documents show: every line of every code block that a shell would take. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ShownCommand {
  readonly file: string;
  readonly line: number;
  readonly command: string;
}

/** Documents that people read; decisions argue, and show none. */
export function documentsOf(root: string): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.name.endsWith('.md'))
      .map((entry) => join(folder, entry.isDirectory() ? join(entry.name, 'README.md') : entry.name));
  const readmes = [...below('apps'), ...below('packages'), ...below('datasets'), 'bench/README.md'];
  // docs/operations.md is run by tests/faults, beside the outages that it is about.
  const top = ['README.md', 'README.zh-CN.md', 'docs/architecture.md'];
  const guides = readdirSync(join(root, 'docs/guides')).map((name) => join('docs/guides', name));
  return [...top, ...readmes, ...guides].filter((file) => {
    try {
      return readFileSync(join(root, file), 'utf8').length > 0;
    } catch {
      return false;
    }
  });
}

/** A line that a shell takes, without its comment; the first word tells it from a diagram or a listing. */
function commandOf(line: string): string | null {
  const bare = line
    .replace(/^\$ /, '')
    .replace(/\s+# .*$/, '')
    .trim();
  return /^(npm|npx|node|git|verge|verge-agent|verge-worker|verge-control-plane|curl|cp|export|source|docker|pg_dump|pg_restore|psql|redis-cli|[A-Z_]+=\S+ \w)/.test(
    bare,
  )
    ? bare
    : null;
}

export function commandsIn(root: string, file: string): ShownCommand[] {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  const shown: ShownCommand[] = [];
  let language: string | null = null;
  for (let i = 0; i < lines.length; i++) {
    const fence = /^\s*```(\w*)/.exec(lines[i]!);
    if (fence) {
      language = language === null ? (fence[1] ?? '') : null;
      continue;
    }
    if (language === null || !['', 'sh', 'bash', 'console', 'shell'].includes(language)) continue;
    const start = i;
    let whole = lines[i]!;
    while (whole.endsWith('\\') && i + 1 < lines.length) whole = whole.slice(0, -1) + lines[++i]!.trim();
    const command = commandOf(whole);
    if (command !== null) shown.push({ file, line: start + 1, command });
  }
  return shown;
}

/** The first block of a language in a document, as a file that its commands read. */
export function blockOf(root: string, file: string, language: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  const block = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text)?.[1];
  if (block === undefined) throw new Error(`${file} has no block of ${language}`);
  return block;
}
