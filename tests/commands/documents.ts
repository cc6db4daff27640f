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

/** A fenced block; `line` is that of its first line, from 1. */
export interface CodeBlock {
  readonly file: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** Every fenced block of a document. @throws Error where one is not closed */
export function codeBlocksIn(root: string, file: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { line: number; language: string; lines: string[] } | null = null;
  for (const [i, line] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
    const fence = /^\s*```(\w*)/.exec(line);
    if (!fence) open?.lines.push(line);
    else if (!open) open = { line: i + 2, language: fence[1] ?? '', lines: [] };
    else {
      blocks.push({ file, line: open.line, language: open.language, text: open.lines.join('\n') });
      open = null;
    }
  }
  if (open) throw new Error(`${file}:${open.line - 1}: a code block that is not closed`);
  return blocks;
}

/** Commands among lines; one that ends with a backslash goes on. */
export function commandsAmong(text: string): { line: number; command: string }[] {
  const lines = text.split('\n');
  const found: { line: number; command: string }[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = i;
    let whole = lines[i]!;
    while (whole.endsWith('\\') && i + 1 < lines.length) whole = whole.slice(0, -1) + lines[++i]!.trim();
    const command = commandOf(whole);
    if (command !== null) found.push({ line, command });
  }
  return found;
}

export const shellLanguages: readonly string[] = ['', 'sh', 'bash', 'console', 'shell'];

export function commandsIn(root: string, file: string): ShownCommand[] {
  return codeBlocksIn(root, file)
    .filter(({ language }) => shellLanguages.includes(language))
    .flatMap((block) =>
      commandsAmong(block.text).map(({ line, command }) => ({ file, line: block.line + line, command })),
    );
}

/** The first block of a language in a document, as a file that its commands read. */
export function blockOf(root: string, file: string, language: string): string {
  const block = codeBlocksIn(root, file).find((one) => one.language === language);
  if (!block) throw new Error(`${file} has no block of ${language}`);
  return `${block.text}\n`;
}
