/** docs/model-coverage.md: what each verb makes of each model, and beside it what other simplifiers leave. */
import { verbs, type Coverage, type Verb } from './verbs.js';

export type Peers = Readonly<Record<string, { onnxsim: number | null; onnxslim: number | null }>>;

const begin = '| model |';
const cell = (n: number | null | undefined): string => (n === null || n === undefined ? '-' : String(n));

/** What of each verb is held; '-' in the table where a model has nothing of that kind. */
const asked: Readonly<Record<Verb, string>> = {
  inspect: 'the type and rank of every output',
  simplify: 'the same numbers',
  partition: 'the same numbers in two stages',
  convert: 'the same numbers in operator set 21, or 23',
  benchmark: 'it runs at sizes that are found, in a process of its own',
  predict: 'the numbers that ONNX Runtime gives with its optimisations; where an output is float32',
  evaluate: 'right about all that the model itself says; where an output says classes',
  import: 'ports that the control plane takes',
  train: 'a step of SGD moves parameters; where some are floats',
  compress:
    'folded and quantised to int8 it runs and gives numbers; where a Conv, Gemm or MatMul has weights in float32, else it says so',
};

export function pageOf(rows: readonly Coverage[], peers: Peers): string {
  const counted = rows.filter((row) => row.simplified !== null);
  const best = ({ name }: Coverage): number | null => {
    const found = Object.values(peers[name] ?? {}).filter((n) => n !== null);
    return found.length > 0 ? Math.min(...found) : null;
  };
  const compared = counted.filter((row) => best(row) !== null);
  const behind = compared.filter((row) => row.simplified! > best(row)!);
  const ahead = compared.filter((row) => row.simplified! < best(row)!);
  const reasons = rows.flatMap((row) => {
    const refused = verbs.filter((verb) => row[verb] !== 'ok' && row[verb] !== '-');
    // What stops every verb is said once.
    const texts = new Set(refused.map((verb) => row[verb]));
    return [...texts].map((text) => {
      const which = refused.filter((verb) => row[verb] === text);
      return `- \`${row.name}\`, ${which.length === verbs.length ? 'every verb' : which.join(', ')}: ${text}`;
    });
  });
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
    const held = rows.filter((row) => row[verb] !== '-');
    const taken = held.filter((row) => row[verb] === 'ok').length;
    return `${taken}${held.length < rows.length ? ` of ${held.length}` : ''}`;
  };
  return `# Models of other tools

Written by tests/corpus: exports with random weights (torchvision, timm, transformers, small modules of PyTorch, scikit-learn, LightGBM,
XGBoost), what ONNX Runtime's optimiser and quantiser and ONNX's version converter make of them, and models that packages carry. What a
verb gives is held to what ONNX Runtime gives for the model as it is, without optimising: 1e-4 of the largest number of an output, or
what roundings to 16 bits explain in a model of halves. How to make them: [tests/corpus](../tests/corpus/README.md).

| verb | what is asked | of ${rows.length} models |
| --- | --- | --- |
${verbs.map((verb) => `| ${verb} | ${asked[verb]} | ${of(verb)} |`).join('\n')}

Nodes after simplifying (constants are not counted; without a check by the other tools) against the better of onnxsim and onnxslim, on
${compared.length} models: fewer on ${ahead.length}, as many on ${compared.length - ahead.length - behind.length}, more on ${behind.length}.

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
