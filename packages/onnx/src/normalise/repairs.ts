/** What `normalise` changed, in words for people and codes for programs. */
import { LegalityError, type Diagnostic, type DiagnosticCode } from '../check/index.js';
import type { Claim } from '../infer/index.js';

export type RepairCode = Extract<
  DiagnosticCode,
  /** A declared size is negative: it is open. */
  | 'negative-dimension'
  /** Nodes stand before those that they read from: they are sorted. */
  | 'topological-order'
  /** An operator set is imported more than once, in one version: once. */
  | 'opset-repeated'
  /** Nodes use a domain that is not imported: it is, in the version that executors assume. */
  | 'opset-missing'
  /** Before IR version 4 an initializer must be an input too: the model is one of IR version 4. */
  | 'initializer-not-input'
  /** Two nodes of a graph have one name: the later one gets another. */
  | 'node-name'
  /** The graph has no name: it gets one. */
  | 'graph-name'
  /** The default domain is written `ai.onnx`: it is left empty. */
  | 'node-domain'
  /** A stored tensor is sparse: it is dense. */
  | 'sparse-tensor'
>;

export interface Repair {
  readonly code: RepairCode;
  /** The value, node, tensor or domain; '' for the model. */
  readonly where: string;
  readonly message: string;
  /** Whether the file was within the rules as it was, so that `strict` lets it pass. */
  readonly legal: boolean;
}

/** Beyond that many of one code their number is said. */
const MOST = 20;

/** Collects repairs, so many of each code that a report stays readable. */
export class Repairs {
  readonly #found: Repair[] = [];
  readonly #counts = new Map<RepairCode, number>();
  readonly #legal = new Set<RepairCode>();

  add(code: RepairCode, where: string, message: string, legal = false): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (legal) this.#legal.add(code);
    if (count <= MOST) this.#found.push({ code, where, message, legal });
  }

  get list(): Repair[] {
    const more = [...this.#counts].filter(([, count]) => count > MOST);
    return [
      ...this.#found,
      ...more.map(([code, count]): Repair => {
        return { code, where: '', message: `the same ${count - MOST} times more`, legal: this.#legal.has(code) };
      }),
    ];
  }
}

/**
 * @throws LegalityError naming every repair of what breaks a rule, and every declaration that is contradicted
 */
export function refuseRepaired(repairs: readonly Repair[], claims: readonly Claim[] = []): void {
  const error = { severity: 'error', node: null } as const;
  const found: Diagnostic[] = [
    ...repairs.filter((r) => !r.legal).map(({ code, where, message }) => ({ ...error, code, subject: where, message })),
    ...claims
      .filter((c) => c.kind === 'contradicted')
      .map(({ value, message }) => ({ ...error, code: 'declared-type' as const, subject: value, message })),
  ];
  if (found.length > 0) throw new LegalityError(found, Infinity);
}
