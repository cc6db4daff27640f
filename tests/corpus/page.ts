/** docs/model-coverage.md: what each verb makes of each model, and beside it what other simplifiers leave. */
import { verbs, type Coverage } from './verbs.js';

export type Peers = Readonly<Record<string, { onnxsim: number | null; onnxslim: number | null }>>;
type Verb = (typeof verbs)[number];

const begin = '| model |';
const cell = (n: number | null | undefined): string => (n === null || n === undefined ? '-' : String(n));

export function pageOf(rows: readonly Coverage[], peers: Peers): string {
  const counted = rows.filter((row) => row.simplified !== null);
  const best = ({ name }: Coverage): number | null => {
    const found = Object.values(peers[name] ?? {}).filter((n) => n !== null);
    return found.length > 0 ? Math.min(...found) : null;
  };
  const compared = counted.filter((row) => best(row) !== null);
  const behind = compared.filter((row) => row.simplified! > best(row)!);
  const ahead = compared.filter((row) => row.simplified! < best(row)!);
  const reasons = rows.flatMap((row) =>
    verbs
      .filter((verb) => row[verb] !== 'ok' && row[verb] !== '-')
      .map((verb) => `- \`${row.name}\`, ${verb}: ${row[verb]}`),
  );
  const lines = rows.map((row) =>
    [
      '',
      row.name,
      ...verbs.map((verb) => (row[verb] === 'ok' ? 'yes' : row[verb] === '-' ? '-' : 'no')),
      cell(row.nodes),
      cell(row.simplified),
      cell(peers[row.name]?.onnxsim),
      cell(peers[row.name]?.onnxslim),
      '',
    ].join(' | '),
  );
  const of = (verb: Verb): string => {
    const asked = rows.filter((row) => row[verb] !== '-');
    return `${verb} ${asked.filter((row) => row[verb] === 'ok').length} of ${asked.length}`;
  };
  return `# Models of other tools

Written by tests/corpus: exports with random weights (torchvision, timm, transformers, small modules of PyTorch, scikit-learn, LightGBM,
XGBoost), and what ONNX Runtime's optimiser and quantiser and ONNX's version converter make of them. What a verb gives is held to what
ONNX Runtime gives for the model as it is, without optimising: 1e-4 of the largest number of an output. How to make them:
[tests/corpus](../tests/corpus/README.md).

${rows.length} models: ${verbs.map(of).join(', ')} (models without float parameters do not train). Nodes after simplifying (constants are not counted; without a check by the other
tools) against the better of onnxsim and onnxslim, on ${compared.length} models: fewer on ${ahead.length}, as many on ${compared.length - ahead.length - behind.length}, more on ${behind.length}.

${begin} ${verbs.join(' | ')} | nodes | simplified | onnxsim | onnxslim |
| --- | ${verbs.map(() => '---').join(' | ')} | --: | --: | --: | --: |
${lines.map((line) => line.trim()).join('\n')}

## What is refused or wrong

${reasons.length > 0 ? reasons.join('\n') : 'Nothing.'}
`;
}

/** The verbs that each model of the page goes through. */
export function rowsOf(page: string): Map<string, Verb[]> {
  const lines = page.split('\n');
  const first = lines.findIndex((line) => line.startsWith(begin)) + 2;
  const found = new Map<string, Verb[]>();
  for (const line of lines.slice(first)) {
    if (!line.startsWith('|')) break;
    const [name, ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((text) => text.trim());
    found.set(
      name!,
      verbs.filter((_, i) => cells[i] === 'yes'),
    );
  }
  return found;
}
