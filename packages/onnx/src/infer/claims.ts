/** What a file says of its values (value_info, outputs), against what follows from its inputs. */
import type { Dim, Node, ValueType } from '../ir.js';
import { shapeText } from './dims.js';
import type { Inferred } from './types.js';

export interface Claim {
  /** `contradicted`: it cannot hold. `narrower`: it holds at some sizes of the inputs alone, which leave them open. */
  readonly kind: 'contradicted' | 'narrower';
  /** The value, with the nodes around it where it lies inside of one; or the node whose inputs do not fit. */
  readonly value: string;
  readonly message: string;
}

/** Beyond that many a report says no more than their number. */
const MOST = 100;

/** Takes note of the claims that a proof does not bear out, one a value. */
export class Claims {
  readonly #found = new Map<string, Claim>();
  #left = 0;

  /**
   * @param openSizes symbols of sizes that inputs leave open, with what a report calls them
   * @param unnamed symbols of sizes that nothing says
   */
  constructor(
    private readonly openSizes: ReadonlyMap<string, string>,
    private readonly unnamed: ReadonlySet<string>,
  ) {}

  /** Those noted; a last one counts what was left out. */
  get list(): Claim[] {
    const found = [...this.#found.values()];
    if (this.#left > 0) {
      found.push({ kind: 'contradicted', value: '', message: `${this.#left} more declarations are contradicted` });
    }
    return found;
  }

  compare(value: string, node: Node, declared: Inferred, proven: Inferred): void {
    if (!declared || !proven || this.#found.has(value)) return;
    const kind = this.#verdict(declared, proven);
    if (kind) this.#add(kind, value, node, declared, proven);
  }

  /** Claims that do not agree with each other, though each by itself might hold. */
  addConflict(node: string, message: string): void {
    const said = `what the file declares does not fit: ${message}`;
    this.#found.set(node, { kind: 'contradicted', value: node, message: said });
  }

  #add(kind: Claim['kind'], value: string, node: Node, declared: ValueType, proven: ValueType): void {
    if (this.#found.size >= MOST) {
      this.#left++;
      return;
    }
    const say = (type: ValueType): string => this.#text(type);
    const but = kind === 'contradicted' ? 'but is' : 'but follows open sizes:';
    const message = `${JSON.stringify(value)} (${node.op}) is declared ${say(declared)}, ${but} ${say(proven)}`;
    this.#found.set(value, { kind, value, message });
  }

  #text(type: ValueType): string {
    if (type.kind !== 'tensor' && type.kind !== 'sparse') return type.kind;
    const called = (d: Dim): Dim =>
      typeof d !== 'string' ? d : (this.openSizes.get(d) ?? (this.unnamed.has(d) ? null : d));
    const shape = type.shape?.map(called) ?? null;
    return `${type.dtype ?? '?'}${shapeText(shape)}`;
  }

  #verdict(declared: ValueType, proven: ValueType): Claim['kind'] | null {
    if (declared.kind === 'unspecified' || proven.kind === 'unspecified') return null;
    if (declared.kind !== proven.kind) return 'contradicted';
    // Exporters declare of a sequence what its first element is.
    if (declared.kind !== 'tensor' && declared.kind !== 'sparse') return null;
    const { dtype, shape } = proven as typeof declared;
    if (declared.dtype && dtype && declared.dtype !== dtype) return 'contradicted';
    if (!declared.shape || !shape) return null;
    if (declared.shape.length !== shape.length) return 'contradicted';
    const differs = (test: (d: number, p: Dim) => boolean): boolean =>
      declared.shape!.some((d, i) => typeof d === 'number' && test(d, shape[i]!));
    if (differs((d, p) => typeof p === 'number' && p !== d)) return 'contradicted';
    return differs((_, p) => typeof p === 'string' && this.openSizes.has(p)) ? 'narrower' : null;
  }
}
