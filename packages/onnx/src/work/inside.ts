/** Multiply-accumulates of a node with those of the branches, bodies and functions that it runs. */
import { isDefaultDomain, subgraphs } from '../builder.js';
import { functionKey, nodeLabel } from '../check/nodes.js';
import { Watch, type Inside } from '../infer/watch.js';
import type { Node } from '../ir.js';
import { shapesOf, type Shapes } from './bytes.js';
import { isCounted, nodeMacs } from './macs.js';

/** A node of which something is not known, with the nodes around it in front, and why. */
export interface Unknown {
  readonly node: string;
  readonly reason: string;
}

export interface Work {
  /** Multiply-accumulates of one run; null when they are not known. */
  readonly macs: number | null;
  readonly unknown: readonly Unknown[];
  /** What was counted, where a run may do something else. */
  readonly note?: string;
}

/** What is around a node. */
export interface Around {
  readonly shape: Shapes;
  readonly watch: Watch;
  /** Keys of the model-local functions. */
  readonly functions: ReadonlySet<string>;
  /** The path of the nodes around, for `Watch`, and their labels. */
  readonly path: string;
  readonly label: string;
}

const BODIES = ['Loop', 'Scan', 'SequenceMap'];

/** The work of one run of a node. */
export function workOf(node: Node, around: Around): Work {
  const { watch, functions } = around;
  const path = Watch.pathOf(around.path, node);
  const unknown = (reason: string): Work => ({
    macs: null,
    unknown: [{ node: around.label + nodeLabel(node), reason }],
  });
  const run = (name: string, inside: Inside): Work => total(inside, node, name, path, around);
  if (functions.has(functionKey(node.domain, node.op, node.overload))) {
    const inside = watch.inside(path, '');
    return inside ? run('', inside) : unknown(`function ${node.op} could not be followed`);
  }
  const control = isDefaultDomain(node.domain);
  if (control && node.op === 'If') {
    const branches = ['then_branch', 'else_branch'].flatMap((name) => {
      const inside = watch.inside(path, name);
      return inside ? [run(name, inside)] : [];
    });
    return branches.length > 0 ? larger(branches) : unknown('neither branch could be followed');
  }
  if (control && BODIES.includes(node.op)) {
    const inside = watch.inside(path, 'body');
    if (!inside) return unknown('its body could not be followed');
    const { macs, unknown: within } = run('body', inside);
    const trips = watch.trips(path);
    if (macs === 0) return { macs, unknown: [] };
    if (trips === null)
      return { macs: null, unknown: [...within, ...unknown('how often its body runs depends on values').unknown] };
    return { macs: macs === null ? null : macs * trips, unknown: within, note: `${trips} times the body` };
  }
  if (subgraphs(node).length > 0) return unknown(`what the graphs inside of ${node.op} do is not counted`);
  const macs = nodeMacs(node, around.shape);
  if (macs !== null) return { macs, unknown: [] };
  return unknown(
    isCounted(node) ? 'a size that its work depends on is not known' : `what ${named(node)} multiplies is not known`,
  );
}

const named = ({ op, domain }: Node): string => (isDefaultDomain(domain) ? op : `${domain}.${op}`);

/** Of two branches one runs. */
function larger(branches: readonly Work[]): Work {
  const unknown = branches.flatMap((b) => b.unknown);
  const counts = branches.map((b) => b.macs);
  if (counts.includes(null)) return { macs: null, unknown };
  const macs = Math.max(...(counts as number[]));
  return counts.some((c) => c !== macs) ? { macs, unknown, note: 'the larger branch' } : { macs, unknown };
}

function total(inside: Inside, node: Node, name: string, path: string, around: Around): Work {
  const own = shapesOf(inside.types);
  // The body of a function sees nothing of what is around its call.
  const shape: Shapes = (value) => {
    const known = value === undefined || inside.types.has(value) || name === '';
    return known ? own(value) : around.shape(value);
  };
  const label = `${around.label}${nodeLabel(node)}/${name === '' || name === 'body' ? '' : `${name}/`}`;
  const work = inside.nodes.map((inner) => workOf(inner, { ...around, shape, path: `${path}/`, label }));
  return {
    macs: work.reduce<number | null>((sum, { macs }) => (sum === null || macs === null ? null : sum + macs), 0),
    unknown: work.flatMap((w) => w.unknown),
  };
}
