// `npm run bench`: lists the benchmarks; `npm run bench -- NAME [--json FILE]` runs one (or `all`).
// A benchmark is a module in bench/ with `export async function run(journal)` that returns rows
// {work, unit, ours, peer, peerName, ratio, bar, ok}; ratio > 1 means that Verge is better.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, root } from './install.mjs';

const folder = join(root, 'bench');
const names = readdirSync(folder)
  .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts') && !f.startsWith('_'))
  .map((f) => basename(f, '.ts'));
const args = process.argv.slice(2);
const at = args.indexOf('--json');
const json = at >= 0 ? args[at + 1] : undefined;
const name = args.find((a, i) => !a.startsWith('--') && (at < 0 || i !== at + 1));

if (!name) {
  const first = (n) =>
    /^\/\*\*\s*\n?\s*\*?\s*(.+?)\s*(\*\/)?$/m.exec(readFileSync(join(folder, `${n}.ts`), 'utf8'))?.[1] ?? '';
  console.log('npm run bench -- NAME [--json FILE]\n');
  for (const n of names) console.log(`  ${n.padEnd(20)} ${first(n)}`);
  console.log('  all                  every one of them, in turn');
  process.exit(0);
}
if (at >= 0 && !json) {
  console.error('--json expects a file name');
  process.exit(2);
}
if (name !== 'all' && !names.includes(name)) {
  console.error(`no benchmark is called '${name}'; there are ${names.join(', ')}`);
  process.exit(2);
}

await ensureInstalled();
await ensureBuilt();
const { transformFileSync } = await import('@swc/core');
const out = join(folder, 'dist');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const file of readdirSync(folder).filter((f) => f.endsWith('.ts'))) {
  const { code } = transformFileSync(join(folder, file), {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
  });
  writeFileSync(join(out, file.replace(/\.ts$/, '.js')), code);
}

/** Rows that the file of results has of this benchmark, on this processor; a benchmark that keeps rows as it goes takes up there. */
function journalOf(name, machine) {
  const read = () => (json && existsSync(json) ? [JSON.parse(readFileSync(json, 'utf8'))].flat() : []);
  const earlier = read().find((result) => result.name === name && result.machine.cpu === machine.cpu)?.rows ?? [];
  const rows = new Map(earlier.map((row) => [row.work, row]));
  return {
    known: (work) => rows.get(work),
    add: (row) => {
      rows.set(row.work, row);
      if (!json) return;
      const others = read().filter((result) => result.name !== name);
      const own = { name, machine, rows: [...rows.values()] };
      writeFileSync(json, JSON.stringify(others.length > 0 ? [...others, own] : own, null, 2) + '\n');
    },
  };
}

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryBytes: totalmem(),
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
};
const results = [];
for (const n of name === 'all' ? names : [name]) {
  console.log(`> ${n}`);
  const { run } = await import(pathToFileURL(join(out, `${n}.js`)).href);
  const rows = await run(journalOf(n, machine));
  results.push({ name: n, machine, rows });
  const show = (v) => (typeof v === 'number' ? (v >= 100 ? v.toFixed(0) : v.toPrecision(4)) : String(v ?? ''));
  for (const r of rows) {
    console.log(
      `  ${r.ok ? 'ok  ' : 'LOW '} ${r.work}: ${show(r.ours)} ${r.unit}, ${r.peerName} ${show(r.peer)} ${r.unit}, ratio ${show(r.ratio)} (bar ${show(r.bar)})`,
    );
  }
}
if (json) writeFileSync(json, JSON.stringify(name === 'all' ? results : results[0], null, 2) + '\n');
process.exit(0);
